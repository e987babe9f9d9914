import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { exportRun } from '@showtell/ingest/admin/export-run';
import { FileStore } from '@showtell/shared/object-store/file';
import { pythonEnvironment } from './python-environment';
import { type ReadableImage, writeReadableRun } from './readable-run';

const HELP = `npm run check:formats -- [--torch]

Runs the Python examples of docs/formats.md that read shards and exports, on a small run, and compares what they find with what was
written. Needs Python 3.10 or newer; pyarrow, polars and DuckDB are installed into an environment of their own, which is kept for the
next time. --torch: PyTorch's example, too (an environment of several GB, that of bench:train).`;

const PAGE = resolve(__dirname, '..', '..', 'docs', 'formats.md');
const RUN = 'my-run';

/** What the examples have in their variables at the end, as JSON in the last line. */
const EPILOGUE = `
import json
import numpy as np
if "dataset" in globals():
    features = np.stack([dataset[row][0].numpy() for row in range(len(dataset))])
    captions = [own for _, own in dataset.rows]
found = longest.fetchall() if "longest" in globals() else [features.shape, features.sum(dtype="float64"), captions]
print("\\n" + json.dumps(found))
`;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { torch: { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help === true) {
    process.stdout.write(`${HELP}\n`);
    return;
  }
  const announce = (text: string) => process.stderr.write(`${text}\n`);
  const examples = pythonExamples(readFileSync(PAGE, 'utf8')).filter(({ name }) => values.torch === true || name !== 'export_torch.py');
  if (examples.length === 0) throw new Error(`Expected Python examples in ${PAGE} but found none`);
  const folder = mkdtempSync(join(tmpdir(), 'showtell-formats-'));
  const store = new FileStore(join(folder, '.showtell', 'store'));
  try {
    const images = (await writeReadableRun(store, RUN)).filter(({ split }) => split === 'train');
    for (const [format, out] of [
      ['arrow', `${RUN}.arrow`],
      ['parquet', `${RUN}.parquet`],
      ['npy', RUN],
    ] as const)
      await exportRun(store, { run: RUN, out: join(folder, out), format });
    for (const { name, code } of examples) {
      const python = await pythonEnvironment(name === 'export_torch.py' ? 'torch' : 'readers', announce);
      writeFileSync(join(folder, name), code + EPILOGUE);
      const { stdout } = await promisify(execFile)(python, [name], { cwd: folder });
      const found = stdout.trimEnd().split('\n').at(-1)!;
      const expected = JSON.stringify(expectedOf(name, images));
      if (JSON.stringify(JSON.parse(found)) !== expected) throw new Error(`${name}: expected ${expected} but it found ${found}`);
      process.stdout.write(`${name}: found what was written\n`);
    }
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Blocks of Python whose first line names a file, of shards or exports. */
function pythonExamples(page: string): { name: string; code: string }[] {
  return Array.from(page.matchAll(/```python\n(# ((?:shards|export)_\w+\.py)\n[^]*?)```/g), ([, code, name]) => ({
    name: name!,
    code: code!,
  }));
}

function expectedOf(name: string, images: readonly ReadableImage[]): unknown {
  if (name === 'shards_duckdb.py')
    return images
      .filter(({ captions }) => captions.length > 0)
      .map(
        ({ imageId, captions }) => [imageId, `${imageId}.jpg`, Math.max(...captions.map((caption) => Array.from(caption).length))] as const,
      )
      .toSorted(([a, , left], [b, , right]) => right - left || (a < b ? -1 : 1))
      .slice(0, 3);
  // PyTorch's has only images with captions to draw from.
  const found = name === 'export_torch.py' ? images.filter(({ captions }) => captions.length > 0) : images;
  let sum = 0;
  for (const { feature } of found) for (const value of feature) sum += value;
  return [[found.length, found[0]!.feature.length], sum, found.map(({ captions }) => captions)];
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
