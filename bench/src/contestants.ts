import { ShowtellError } from '@showtell/shared/errors';

/** One encoder in one precision: an engine of Showtell's, or another framework's. */
export interface Contestant {
  readonly engine: string;
  readonly precision: 'float32' | 'float16' | 'bfloat16' | 'int8';
  readonly devices: readonly ('cpu' | 'cuda' | 'wasm')[];
  readonly program: Program;
}

export type Program =
  | { readonly kind: 'own'; readonly engine: 'onnx' | 'tensorflow' }
  /** `peers/<name>_peer.py` in an environment of `peers/<name>.txt`. */
  | { readonly kind: 'peer'; readonly name: 'keras' | 'torch' | 'openvino'; readonly variant: 'eager' | 'compiled' };

const own = (engine: 'onnx' | 'tensorflow'): Program => ({ kind: 'own', engine });
const peer = (name: 'keras' | 'torch' | 'openvino', variant: 'eager' | 'compiled' = 'compiled'): Program => ({
  kind: 'peer',
  name,
  variant,
});

/** All with the same weights, which is checked before they are timed. Add a framework by adding a row and a file in `peers/`. */
export const CONTESTANTS: readonly Contestant[] = [
  { engine: 'onnx', precision: 'float32', devices: ['cpu', 'cuda'], program: own('onnx') },
  { engine: 'onnx', precision: 'int8', devices: ['cpu'], program: own('onnx') },
  { engine: 'onnx', precision: 'float16', devices: ['cuda'], program: own('onnx') },
  { engine: 'tensorflow', precision: 'float32', devices: ['cpu', 'cuda', 'wasm'], program: own('tensorflow') },
  { engine: 'keras', precision: 'float32', devices: ['cpu'], program: peer('keras') },
  { engine: 'torch-eager', precision: 'float32', devices: ['cpu', 'cuda'], program: peer('torch', 'eager') },
  { engine: 'torch-compiled', precision: 'float32', devices: ['cpu', 'cuda'], program: peer('torch', 'compiled') },
  { engine: 'openvino', precision: 'float32', devices: ['cpu'], program: peer('openvino') },
  { engine: 'torch-compiled', precision: 'bfloat16', devices: ['cpu'], program: peer('torch', 'compiled') },
  { engine: 'openvino', precision: 'bfloat16', devices: ['cpu'], program: peer('openvino') },
  { engine: 'openvino', precision: 'int8', devices: ['cpu'], program: peer('openvino') },
  { engine: 'torch-eager', precision: 'float16', devices: ['cuda'], program: peer('torch', 'eager') },
  { engine: 'torch-compiled', precision: 'float16', devices: ['cuda'], program: peer('torch', 'compiled') },
];

export const isOwn = ({ program }: Pick<Contestant, 'program'>): boolean => program.kind === 'own';
export const label = ({ engine, precision }: Pick<Contestant, 'engine' | 'precision'>): string => `${engine}:${precision}`;

/**
 * The contestants on that device.
 * @param names `ENGINE` or `ENGINE:PRECISION`, with commas; `undefined` is all of them.
 * @throws ShowtellError `USAGE` for a name that fits none.
 */
export function chooseContestants(device: string, names?: string): Contestant[] {
  const there = CONTESTANTS.filter(({ devices }) => (devices as readonly string[]).includes(device));
  if (there.length === 0) throw new ShowtellError('USAGE', `Expected cpu, cuda or wasm for --device but received ${device}`);
  if (names === undefined) return there;
  const asked = names.split(',').map((name) => name.trim());
  for (const name of asked)
    if (!there.some((contestant) => name === contestant.engine || name === label(contestant)))
      throw new ShowtellError(
        'USAGE',
        `Expected names of ${[...new Set(there.map(({ engine }) => engine))].join(', ')}, or one with its precision (${label(there[0]!)}), for --engines on ${device} but received ${name}`,
      );
  return there.filter((contestant) => asked.includes(contestant.engine) || asked.includes(label(contestant)));
}
