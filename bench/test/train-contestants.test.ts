import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PEERS } from '../src/python-environment';
import { chooseTrainContestants, TRAIN_CONTESTANTS, trainLabel } from '../src/train-contestants';

const labels = (names?: string) => chooseTrainContestants(names).map(trainLabel);

describe('who trains', () => {
  test('everyone, each once', () => {
    expect(labels()).toHaveLength(TRAIN_CONTESTANTS.length);
    expect(new Set(labels()).size).toBe(TRAIN_CONTESTANTS.length);
  });

  test('those who are named, with or without their batches', () => {
    expect(labels('keras-xla')).toEqual(['keras-xla:random:padded', 'keras-xla:bucketed:padded']);
    expect(labels('torch:random')).toEqual(['torch:random:packed', 'torch:random:padded']);
    expect(labels('onnx:random:packed, keras-graph:bucketed')).toEqual(['onnx:random:packed', 'keras-graph:bucketed:padded']);
  });

  test('a name that fits none is an error that lists the names', () => {
    expect(() => labels('onnx,tor')).toThrow(
      'Expected names of onnx, keras-xla, keras-graph, torch, torch-compiled, or one with its batches (keras-xla:random:padded), for --engines but received tor',
    );
  });

  test('every peer has its program and its pinned packages', () => {
    const files = TRAIN_CONTESTANTS.flatMap(({ program }) =>
      program.kind === 'peer' ? [`${program.name}_train_peer.py`, `${program.name}.txt`] : [],
    );
    expect(files).not.toEqual([]);
    expect(files.filter((file) => !existsSync(join(PEERS, file)))).toEqual([]);
  });
});
