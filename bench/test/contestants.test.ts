import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CONTESTANTS, chooseContestants, label } from '../src/contestants';
import { PEERS } from '../src/python-environment';

const labels = (device: string, names?: string) => chooseContestants(device, names).map(label);

describe('who takes part', () => {
  test('everyone who has the device', () => {
    expect(labels('cpu')).toContain('openvino:int8');
    expect(labels('cpu')).not.toContain('onnx:float16');
    expect(labels('cuda')).toEqual(expect.arrayContaining(['onnx:float16', 'torch-compiled:float16']));
    expect(labels('wasm')).toEqual(['tensorflow:float32']);
  });

  test('those who are named, with or without a precision', () => {
    expect(labels('cpu', 'openvino,onnx:int8')).toEqual(['onnx:int8', 'openvino:float32', 'openvino:bfloat16', 'openvino:int8']);
  });

  test('a name that fits none is an error that lists the names', () => {
    expect(() => labels('cpu', 'onnx,caffe')).toThrow(
      /Expected names of onnx, tensorflow, keras, .*openvino.* for --engines on cpu but received caffe/,
    );
    expect(() => labels('tpu')).toThrow('Expected cpu, cuda or wasm for --device but received tpu');
  });

  test('every peer has its program and its pinned packages', () => {
    const files = CONTESTANTS.flatMap(({ program }) => ('name' in program ? [`${program.name}_peer.py`, `${program.name}.txt`] : []));
    expect(files).not.toEqual([]);
    expect(files.filter((file) => !existsSync(join(PEERS, file)))).toEqual([]);
  });
});
