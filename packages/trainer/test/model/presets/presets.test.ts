import { findPreset, hyperparametersOf } from '../../../src/model/presets/presets';

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

test('single hyper-parameters can be replaced', () => {
  expect(hyperparametersOf('seed', { epochs: 3 })).toEqual({ ...findPreset('seed').hyperparameters, epochs: 3 });
});

test.each(['sead', 'constructor', ''])('%j is no preset; the message lists those there are', (name) => {
  expect(() => findPreset(name)).toThrow(expect.objectContaining({ code: 'NOT_FOUND', message: expect.stringContaining('seed') }));
});

test('all wrong hyper-parameters are told at once', () => {
  expect(() => hyperparametersOf('seed', { epochs: 0, units: 1.5 })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(/units[^]*epochs|epochs[^]*units/) }),
  );
});
