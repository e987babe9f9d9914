import { inputScalingOf } from '../../../src/encoder/weights/keras-config';

const config = (...layers: [kind: string, settings: object][]) =>
  JSON.stringify({
    class_name: 'Functional',
    config: {
      layers: [
        { class_name: 'Functional', config: { layers: layers.map(([kind, settings]) => ({ class_name: kind, config: settings })) } },
      ],
    },
  });
const scaling = (...layers: [string, object][]) => inputScalingOf(config(...layers), new Set(['batch_normalization_3']), 'a file');

describe('inputScalingOf', () => {
  test('as Keras feeds InceptionV3, unless the model scales its input itself', () => {
    expect(scaling(['InputLayer', {}])).toBe('x/127.5-1');
    expect(scaling(['Rescaling', { scale: 0.00784313725490196, offset: -1 }])).toBe('x/127.5-1');
    expect(scaling(['Rescaling', { scale: 0.00392156862745098, offset: 0 }])).toBe('x/255');
  });

  test.each<[string, () => unknown, string]>([
    [
      'another scaling',
      () => scaling(['Rescaling', { scale: 0.5, offset: 0 }]),
      'received scale 0.5, offset 0 in the configuration of a file',
    ],
    ['two', () => scaling(['Rescaling', { scale: 1 / 255, offset: 0 }], ['Rescaling', { scale: 1 / 255, offset: 0 }]), 'one Rescaling'],
    [
      'another epsilon',
      () => scaling(['BatchNormalization', { name: 'batch_normalization_3', epsilon: 1e-5 }]),
      'Expected epsilon 0.001 of batch_normalization_3 but received 0.00001',
    ],
    ['no JSON', () => inputScalingOf('{', new Set(), 'a file'), 'The configuration of a file is not JSON'],
  ])('%s is refused', (_, read, message) => {
    expect(read).toThrow(expect.objectContaining({ code: 'WEIGHTS_INVALID', message: expect.stringContaining(message) as string }));
  });

  test('a configuration may be as deep as JSON may', () => {
    const deep = `${'['.repeat(30_000)}${config(['Rescaling', { scale: 1 / 255, offset: 0 }])}${']'.repeat(30_000)}`;
    expect(inputScalingOf(deep, new Set(), 'a file')).toBe('x/255');
  });

  test('batch-norms that are not taken may have another epsilon', () => {
    expect(
      scaling(
        ['BatchNormalization', { name: 'batch_normalization_3', epsilon: 0.001 }],
        ['BatchNormalization', { name: 'top', epsilon: 1e-5 }],
      ),
    ).toBe('x/127.5-1');
  });
});
