import type { ManifestRecord } from '@showtell/shared/schema/manifest';
import { chooseSplits, type SplitsAsked, splitText, trainedRuns } from '../../src/train/choose-splits';
import { ENCODER } from '../tiny-run';

function manifest(run: string, splits: readonly string[]): ManifestRecord {
  return {
    formatVersion: 1,
    run,
    number: 1,
    planSha256: '0'.repeat(64),
    encoder: ENCODER,
    shards: [],
    captions: [],
    // Pictures without captions cannot be trained on.
    splits: [...splits, 'bare'].map((split) => ({ split, rows: 3, rejected: 0, captions: split === 'bare' ? 0 : 9 })),
    rejected: {},
  };
}

const MANIFESTS = new Map([
  ['coco', manifest('coco', ['test', 'train', 'restval', 'val'])],
  ['flickr', manifest('flickr', ['train', 'dev'])],
  ['single', manifest('single', ['train'])],
]);

/** Of the runs that are read: those to train on, and those that validation splits name. */
function choose(asked: SplitsAsked) {
  const read = new Set([...asked.runs, ...(asked.validationSplits ?? []).map(({ run }) => run)]);
  return chooseSplits(new Map([...MANIFESTS].filter(([run]) => read.has(run))), asked);
}

function chosen(asked: SplitsAsked): [string[], string[]] {
  const { trainSplits, validationSplits } = choose(asked);
  return [trainSplits.map(splitText), validationSplits.map(splitText)];
}

test.each<[string, SplitsAsked, string[], string[]]>([
  ['one run', { runs: ['coco'] }, ['coco:train'], ['coco:val']],
  ['one without a validation split', { runs: ['single'] }, ['single:train'], []],
  ['two runs', { runs: ['flickr', 'coco'] }, ['flickr:train', 'coco:train'], ['flickr:dev', 'coco:val']],
  [
    "Karpathy's splits",
    { runs: ['coco'], trainSplits: [{ split: 'train' }, { split: 'restval' }] },
    ['coco:train', 'coco:restval'],
    ['coco:val'],
  ],
  [
    'a split that only one of two runs has',
    { runs: ['coco', 'flickr'], trainSplits: [{ split: 'train' }, { split: 'restval' }] },
    ['coco:train', 'flickr:train', 'coco:restval'],
    ['coco:val', 'flickr:dev'],
  ],
  [
    "another run's split to validate on",
    { runs: ['single'], validationSplits: [{ run: 'coco', split: 'val' }] },
    ['single:train'],
    ['coco:val'],
  ],
  ['no validation', { runs: ['coco'], validationSplits: [] }, ['coco:train'], []],
  ['what is trained on is not validated on', { runs: ['coco'], trainSplits: [{ split: 'val' }] }, ['coco:val'], []],
])('%s', (_what, asked, train, validation) => {
  expect(chosen(asked)).toEqual([train, validation]);
});

test.each<[string, SplitsAsked, string, RegExp]>([
  ['no such split', { runs: ['coco'], trainSplits: [{ split: 'dev' }] }, 'NOT_FOUND', /"dev".*coco has test, train, restval, val/],
  ['a split without captions', { runs: ['coco'], trainSplits: [{ split: 'bare' }] }, 'NOT_FOUND', /"bare"/],
  [
    'no such split of the run named',
    { runs: ['coco'], validationSplits: [{ run: 'flickr', split: 'val' }] },
    'NOT_FOUND',
    /flickr has train, dev/,
  ],
  [
    'trained and validated on',
    { runs: ['coco'], validationSplits: [{ split: 'train' }] },
    'CONFIG_INVALID',
    /coco:train would be both trained on and validated on/,
  ],
  [
    'named twice',
    { runs: ['coco'], trainSplits: [{ split: 'train' }, { run: 'coco', split: 'train' }] },
    'CONFIG_INVALID',
    /coco:train .*twice/,
  ],
  [
    'a run that is not trained on',
    { runs: ['coco'], trainSplits: [{ run: 'flickr', split: 'train' }] },
    'CONFIG_INVALID',
    /run flickr is not/,
  ],
  [
    'a run of which nothing is',
    { runs: ['coco', 'single'], trainSplits: [{ split: 'val' }] },
    'CONFIG_INVALID',
    /None of the splits of run single/,
  ],
])('refused: %s', (_what, asked, code, message) => {
  expect(() => choose(asked)).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
});

test('the runs of a training, each once', () => {
  expect(trainedRuns(choose({ runs: ['flickr', 'coco'] }))).toEqual(['flickr', 'coco']);
});
