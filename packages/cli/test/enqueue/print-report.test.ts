import { stripVTControlCharacters } from 'node:util';
import type { EnqueueReport } from '@showtell/ingest/admin/enqueue';
import { NO_FINDINGS } from '../../../shared/test/no-findings';
import { formatEnqueueReport } from '../../src/enqueue/print-report';

const report = (more: Partial<EnqueueReport> = {}): EnqueueReport => ({
  run: 'coco',
  dryRun: true,
  existed: false,
  state: 'running',
  shards: { planned: 3, committed: 0, waiting: 0, failed: 0, added: 3 },
  samples: { planned: 1_200, committed: 0, rejected: {} },
  splits: [{ split: 'train', samples: 1_200, takenOver: 0, captions: 6_000, shards: 3 }],
  findings: {
    ...NO_FINDINGS,
    duplicateCaptions: 2,
    captionsRejected: { count: 4, examples: ['a.json: record 1: empty', 'b', 'c', 'd'] },
  },
  encoder: { encoder: 'inception-v3', weights: 'bundled', precision: 'float32' },
  estimate: {
    shards: 3,
    photos: 1_200,
    sourceBytes: 196_000_000,
    times: [],
    storage: { plan: 100_000, captions: 400_000, shards: 9_800_000, records: 5_000, total: 10_305_000 },
    requests: { source: { gets: 1_200 }, store: { puts: 14, gets: 35, heads: 16 } },
  },
  ...more,
});
const text = (more?: Partial<EnqueueReport>) => stripVTControlCharacters(formatEnqueueReport(report(more)));

test('a dry run tells bytes, requests and findings, and how to learn the time', () => {
  expect(text()).toContain('Photos: 1,200 to encode, 196.0 MB to read\n');
  expect(text()).toContain('Storage: 10.3 MB (shards 9.8 MB, captions 400.0 kB, plan 100.0 kB, records 5.0 kB)\n');
  expect(text()).toContain('Requests: 1,200 GET to the source; 14 PUT, 35 GET and 16 HEAD to the store\n');
  expect(text()).toContain('Note: 2 duplicate captions left out\nNote: 4 captions rejected, such as a.json: record 1: empty; b; c\n');
  expect(text()).toMatch(/Time: not known, .* showtell enqueue synthetic:200 --wait\n/);
  expect(text({ encoder: { encoder: 'inception-v3', weights: 'imagenet', precision: 'int8' } })).toContain(
    'enqueue synthetic:200 --weights imagenet --precision int8 --wait\n',
  );
});

test('measured rates become times for one worker and for more', () => {
  const seconds = [1, 4, 16].map((workers) => ({ workers, seconds: 3_600 / workers }));
  const times = [{ device: 'cpu', deviceName: 'AMD EPYC', engine: 'onnx', imagesPerSecond: 37.25, images: 200, runs: 1, seconds }];
  const found = text({ estimate: { ...report().estimate!, times } });
  expect(found).toMatch(/^AMD EPYC \(cpu\) +37\.3 +200 images of 1 run +1 h 0 min +15 min 0 s +3 min 45 s$/m);
  expect(found).not.toContain('Time: not known');
});

test('what is taken over has a column and a line', () => {
  const found = text({
    base: { run: 'coco-1', manifest: 2, samples: 1_000, shards: 2 },
    splits: [{ split: 'train', samples: 1_200, takenOver: 1_000, captions: 6_000, shards: 1 }],
  });
  expect(found).toMatch(/^train +1,200 +1,000 +6,000 +1$/m);
  expect(found).toContain('Base: 1,000 samples of coco-1 (manifest 2) taken over\n');
  expect(text()).not.toMatch(/taken over/i);
});

test('of a run that is done only the storage is told', () => {
  const found = text({ existed: true, estimate: { ...report().estimate!, photos: 0 } });
  expect(found).toContain('Nothing is left to encode\nStorage: 10.3 MB');
  expect(found).not.toContain('Requests');
});
