import { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import { findPreset, hyperparametersOf, PRESETS } from '../../../src/model/presets/presets';

test('the seed preset is the published captioner', () => {
  expect(findPreset('seed').hyperparameters).toMatchObject({
    units: 300,
    embedding: 150,
    learningRate: 1e-3,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-7,
    clipNorm: null,
    batchSize: 128,
  });
});

test.each(Object.entries(PRESETS))('%s goes by its name, says what it is and says everything', (name, preset) => {
  expect(preset.name).toBe(name);
  expect(preset.description).not.toBe('');
  expect(Hyperparameters.parse(preset.hyperparameters)).toEqual(preset.hyperparameters);
});

test('show-and-tell reads the photo like a word before the first', () => {
  const { hyperparameters } = findPreset('show-and-tell');
  expect(hyperparameters).toMatchObject({ units: 512, embedding: 512, image: 'first-input', standardize: true, clipNorm: 5, beam: 3 });
  expect(hyperparameters.dropout).toBeGreaterThan(0);
});

test('single hyper-parameters can be replaced', () => {
  expect(hyperparametersOf('seed', { epochs: 3 })).toEqual({ ...findPreset('seed').hyperparameters, epochs: 3 });
});

test.each(['sead', 'constructor', ''])('%j is no preset; the message lists those there are', (name) => {
  expect(() => findPreset(name)).toThrow(expect.objectContaining({ code: 'NOT_FOUND', message: expect.stringContaining('seed') }));
});

test('all that is wrong is told at once, with what was expected and what was received', () => {
  const wrong = { epochs: 0, units: 1.5, image: 'twice', standardize: 1, dropout: 'much', clipNorm: -1, foo: 1, bar: 2 };
  let message = '';
  try {
    hyperparametersOf('seed', wrong);
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', hint: expect.stringContaining('labelSmoothing') });
    ({ message } = error as Error);
  }
  for (const line of [
    'Expected a whole number for units but received 1.5',
    'Expected state or first-input or every-input for image but received "twice"',
    'Expected true or false for standardize but received 1',
    'Expected a number for dropout but received "much"',
    'Expected more than 0 for epochs but received 0',
    'Expected more than 0 for clipNorm but received -1',
    'There is no foo, bar',
  ])
    expect(message).toContain(`\n  ${line}`);
  expect(message.split('\n')).toHaveLength(8);
});
