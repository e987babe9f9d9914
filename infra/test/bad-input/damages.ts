/** What happens to one object of a copy of the store. `*` in a key stands for what its content decides. */
export interface DamageOf {
  readonly key: string;
  /** `undefined`: it is gone. */
  readonly change: (body: Buffer) => Buffer | undefined;
}

const cut = (body: Buffer) => body.subarray(0, body.length >> 1);
const flip = (body: Buffer) => {
  const changed = Buffer.from(body);
  changed[changed.length >> 1]! ^= 1;
  return changed;
};
const gone = () => undefined;
const text = (words: string) => () => Buffer.from(words);

export const DAMAGES: Readonly<Record<string, DamageOf>> = {
  'request-cut': { key: 'runs/drawn/run.json', change: cut },
  'plan-of-another-kind': { key: 'runs/drawn/plan.json', change: text('{"images": []}') },
  'plan-gone': { key: 'runs/drawn/plan.json', change: gone },
  'plan-newer': { key: 'runs/drawn/plan.json', change: text('{"formatVersion": 9}') },
  'control-wrong': { key: 'runs/drawn/control.json', change: text('{"formatVersion": 1, "state": "asleep"}') },
  'commit-cut': { key: 'runs/drawn/commits/00001.json', change: cut },
  'void-wrong': { key: 'runs/drawn/void/00001-1.json', change: text('{') },
  'shard-flipped': { key: 'runs/drawn/shards/00001-*.arrow', change: flip },
  'shard-gone': { key: 'runs/drawn/shards/00001-*.arrow', change: gone },
  'captions-flipped': { key: 'runs/drawn/captions/val-*.arrow', change: flip },
  'manifest-cut': { key: 'runs/drawn/manifests/1.json', change: cut },
  'manifest-gone': { key: 'runs/drawn/manifests/1.json', change: gone },
  'training-cut': { key: 'trainings/f8/training.json', change: cut },
  'done-wrong': { key: 'trainings/f8/done.json', change: text('[]') },
  'alias-elsewhere': {
    key: 'trainings/f8/aliases/best.json',
    change: (body) => Buffer.from(body.toString().replace('trainings/f8/', 'trainings/../runs/')),
  },
  'checkpoint-gone': { key: 'trainings/f8/checkpoints/00000001-1/COMMIT.json', change: gone },
  'metrics-wrong': { key: 'trainings/f8/metrics/*.jsonl', change: text('{"step": "x"}\n') },
  'encoder-gone': { key: 'weights/*', change: gone },
};
