import { architectureOf, checkParameters, initialParameters, parameterShapes } from '../../src/model/parameters';
import { hyperparametersOf } from '../../src/model/presets/presets';

const architecture = architectureOf(hyperparametersOf('seed', { units: 12, embedding: 6 }), 20, 40);

describe('initial parameters', () => {
  const parameters = initialParameters(architecture, 1);
  const data = (name: string) => parameters.get(name)!.data;

  test('have the names and shapes of the captioner and come from the seed alone', () => {
    expect([...parameters].map(([name, { shape }]) => [name, shape])).toEqual([...parameterShapes(architecture)]);
    expect(initialParameters(architecture, 1)).toEqual(parameters);
    expect(initialParameters(architecture, 2).get('encoder/kernel')).not.toEqual(parameters.get('encoder/kernel'));
  });

  test.each([
    ['encoder/kernel', Math.sqrt(6 / (20 + 12))],
    ['lstm/kernel', Math.sqrt(6 / (6 + 48))],
    ['output/kernel', Math.sqrt(6 / (12 + 40))],
    ['embedding/embeddings', 0.05],
  ])('%s fills the range ±%d', (name, limit) => {
    const largest = Math.max(...data(name).map(Math.abs));
    expect(largest).toBeLessThanOrEqual(limit);
    expect(largest).toBeGreaterThan(0.9 * limit);
    expect(Math.min(...data(name))).toBeLessThan(0);
  });

  test('the recurrent kernel has orthonormal rows', () => {
    const rows = Array.from({ length: 12 }, (_, row) => [...data('lstm/recurrent_kernel').subarray(row * 48, (row + 1) * 48)]);
    for (const [i, a] of rows.entries())
      for (const [j, b] of rows.entries())
        expect(a.reduce((sum, value, column) => sum + value * b[column]!, 0)).toBeCloseTo(i === j ? 1 : 0, 5);
  });

  test("biases are zero, the forget gate's one", () => {
    expect([...data('lstm/bias')]).toEqual(Array.from({ length: 48 }, (_, unit) => (unit >= 12 && unit < 24 ? 1 : 0)));
    expect([...data('encoder/bias'), ...data('output/bias')].every((value) => value === 0)).toBe(true);
  });
});

test('gains begin at one, and what is added to normalised gates as the bias that it stands for', () => {
  const parameters = initialParameters({ ...architecture, layerNorm: true }, 1);
  const values = (name: string) => [...new Set(parameters.get(name)!.data)];
  for (const name of ['input_norm', 'recurrent_norm', 'cell_norm']) expect(values(`lstm/${name}/gamma`)).toEqual([1]);
  expect(parameters.get('lstm/input_norm/beta')!.data).toEqual(initialParameters(architecture, 1).get('lstm/bias')!.data);
  expect(values('lstm/cell_norm/beta')).toEqual([0]);
});

describe('checking parameters', () => {
  const parameters = () => initialParameters(architecture, 1);

  test('a missing, a wrong and an unknown array are named', () => {
    const missing = parameters();
    missing.delete('lstm/bias');
    expect(() => checkParameters(missing, architecture, 'weights.safetensors')).toThrow(
      'Expected F32 [48] for lstm/bias in weights.safetensors but received nothing',
    );
    expect(() => checkParameters(parameters(), { ...architecture, vocabularySize: 41 }, 'weights.safetensors')).toThrow(
      'Expected F32 [41, 6] for embedding/embeddings in weights.safetensors but received F32 [40, 6]',
    );
    const unknown = parameters().set('extra', { name: 'extra', dtype: 'F32', shape: [1], data: new Float32Array(1) });
    expect(() => checkParameters(unknown, architecture, 'weights.safetensors')).toThrow('but received extra');
  });
});
