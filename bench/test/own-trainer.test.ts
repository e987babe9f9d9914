import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hyperparametersOf } from '@showtell/trainer/model/presets/presets';
import { startBenchProcess } from '../src/bench-process';
import { writeTrainInputs } from '../src/train-inputs';

describe('our trainer in a process of its own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'showtell-bench-test-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('trains on the batches it is told, from the weights in the file', async () => {
    const captions = ['A dog runs .', 'Two dogs run in the snow', '...', 'a cat', 'The cat sleeps on a mat , the dog beside it'];
    const file = join(folder, 'captions.json');
    writeFileSync(file, JSON.stringify({ annotations: captions.map((caption, id) => ({ id, image_id: id % 2, caption })) }));
    const inputs = writeTrainInputs(folder, file, hyperparametersOf('seed', { units: 8, embedding: 4, batchSize: 2 }), 1);
    // One has no words; every word has its id.
    expect(inputs.tokens).toEqual([4, 7, 3, 11]);
    expect(inputs.request.vocabularySize).toBe(4 + 15);
    expect(inputs.request.hyperparameters.maxLength).toBe(10);
    expect(inputs.batches.random.flat().toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
    expect(inputs.batches.bucketed.flat().toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);

    const start = async () => {
      const child = startBenchProcess(process.execPath, [join(__dirname, '..', 'dist', 'own-trainer-main.js')], process.env);
      const ready = await child.ask({ type: 'open-trainer', ...inputs.request, variant: '', threads: 1, cache: folder });
      expect(ready.versions).toHaveProperty('onnxruntime');
      return child;
    };
    const [first, second] = [await start(), await start()];
    const batches = [...inputs.batches.random, ...inputs.batches.random];
    const { losses } = await first.ask({ type: 'train', batches });
    expect(losses).toHaveLength(batches.length);
    expect(losses[0]).toBeCloseTo(Math.log(19), 1);
    expect(losses[3]).toBeLessThan(losses[1]!);
    const parts = [
      await second.ask({ type: 'train', batches: batches.slice(0, 1) }),
      await second.ask({ type: 'train', batches: batches.slice(1) }),
    ];
    expect(parts.flatMap((part) => part.losses)).toEqual(losses);
    await expect(first.ask({ type: 'run', batch: 1, repeats: 1 })).rejects.toThrow('Expected open-trainer or train but received run');
    await Promise.all([first.close(), second.close()]);
  });
});
