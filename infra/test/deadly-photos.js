// Preloaded into workers (`node --require`) and all that they start: one photo kills whoever prepares it, as a system does that runs out of
// memory; another one makes the encoder abort.
// DEADLY_PHOTOS: {"preparing": text in the bytes of the one, "encoder": [red, green, blue] of the other's pixels}
const path = require('node:path');

const dist = (name, file) => path.join(__dirname, '..', '..', 'packages', name, 'dist', file);

const deadly = JSON.parse(process.env.DEADLY_PHOTOS);

if (process.argv[1]?.endsWith('engine-main.js')) {
  const engines = require(dist('encoder-worker', path.join('encoder', 'engines', 'open.js')));
  const { openEngine } = engines;
  engines.openEngine = async (...args) => {
    const engine = await openEngine(...args);
    return {
      ...engine,
      encode(pixels, count) {
        const bytes = pixels.length / count;
        for (let image = 0; image < count; image++)
          if (deadly.encoder.every((value, channel) => pixels[image * bytes + channel] === value)) process.abort();
        return engine.encode(pixels, count);
      },
      close: () => engine.close(),
    };
  };
} else {
  const image = require(dist('shared', path.join('image', 'prepare.js')));
  const { prepare } = image;
  image.prepare = async (bytes, ...args) => {
    if (bytes.includes(deadly.preparing)) process.kill(process.pid, 'SIGKILL');
    return prepare(bytes, ...args);
  };
}
