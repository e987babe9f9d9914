// Prints what libvips says to pictures of many formats, as it comes and with what Showtell enables of it, after it has drawn a picture, too.
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const sharp = require('sharp');

async function main() {
  const picture = () => sharp({ create: { width: 20, height: 20, channels: 3, background: '#369' } });
  const inputs = {
    svg: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20"/>'),
    pdf: Buffer.from('%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF'),
    ppm: Buffer.concat([Buffer.from('P6\n20 20\n255\n'), Buffer.alloc(1_200)]),
  };
  for (const format of ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif']) inputs[format] = await picture().toFormat(format).toBuffer();
  const folder = mkdtempSync(path.join(tmpdir(), 'showtell-loaders-'));
  for (const ending of ['v', 'png']) {
    const file = path.join(folder, `picture.${ending}`);
    await picture().toFile(file);
    inputs[`file.${ending}`] = file;
  }
  inputs.v = readFileSync(inputs['file.v']);
  const ask = async () => {
    const said = {};
    for (const [name, input] of Object.entries(inputs))
      said[name] = await sharp(input)
        .raw()
        .toBuffer()
        .then(
          () => 'read',
          ({ message }) => message.replace(/ of .*/, ''),
        );
    return said;
  };
  const asItComes = await ask();
  require('../../dist/image/prepare.js');
  const enabled = await ask();
  await require('../../dist/image/render-svg.js').renderSvg(inputs.svg.toString());
  const drawn = await ask();
  rmSync(folder, { recursive: true });
  process.stdout.write(JSON.stringify({ asItComes, enabled, drawn }));
}

void main();
