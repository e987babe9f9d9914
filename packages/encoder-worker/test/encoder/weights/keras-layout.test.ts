import { DEPTH_ORDER } from '../../../src/encoder/weights/depth-order';
import { type FoundDataset, findInception } from '../../../src/encoder/weights/keras-layout';
import { familyOf, seemsToBe } from '../../../src/encoder/weights/other-models';

const NUMBERS = Array.from({ length: 94 }, (_, index) => index + 1);
const NORM = ['beta', 'moving_mean', 'moving_variance'];

type Name = (kind: string, number: number) => string;
/** As a session numbers layers that has made others before; the very first has no number. */
const counted =
  (before: number): Name =>
  (kind, number) =>
    before + number === 1 ? kind : `${kind}_${before + number - 1}`;
const published: Name = (kind, number) => `${kind}_${number}`;

/** The layouts of Keras 2: groups named for layers. @param suffix of variables. */
const byLayer = (name: Name, { prefix = '', suffix = ':0', doubled = true } = {}): FoundDataset[] =>
  NUMBERS.flatMap((number) =>
    [['conv2d', ['kernel']] as const, ['batch_normalization', NORM] as const].flatMap(([kind, variables]) => {
      const layer = name(kind, number);
      return variables.map((variable) => ({ path: `${prefix}${layer}/${doubled ? `${layer}/` : ''}${variable}${suffix}` }));
    }),
  );

/** Keras 3's `.weights.h5`: groups numbered by place in depth order. */
const byPlace = (name?: Name, prefix = ''): FoundDataset[] =>
  DEPTH_ORDER.flatMap((number, place) =>
    [['conv2d', 1] as const, ['batch_normalization', 3] as const].flatMap(([kind, count]) =>
      Array.from({ length: count }, (_, index) => ({
        path: `${prefix}layers/${kind}${place === 0 ? '' : `_${place}`}/vars/${index}`,
        layer: name?.(kind, number),
      })),
    ),
  );

/** The creation number that the layer in this path has. */
const pathsOf = (datasets: readonly FoundDataset[]): ReadonlyMap<string, string> => {
  const layout = findInception(datasets);
  if ('problem' in layout) throw new Error(layout.problem);
  return layout.paths;
};

describe('findInception', () => {
  test.each<[string, FoundDataset[], Name]>([
    ['published', byLayer(published), published],
    ['with a top', [...byLayer(published), { path: 'predictions/predictions/kernel:0' }], published],
    ['legacy of Keras 3', byLayer(counted(0), { suffix: '' }), counted(0)],
    ['of the third model in a session', byLayer(counted(188)), counted(188)],
    ['with convolutions on top', [...byLayer(counted(0)), { path: 'conv2d_94/conv2d_94/kernel:0' }], counted(0)],
    ['in a whole model', byLayer(counted(0), { prefix: 'model_weights/' }), counted(0)],
    ['as a layer of a model', byLayer(counted(0), { prefix: 'model_weights/inception_v3/', doubled: false }), counted(0)],
  ])('%s: by creation number', (_, datasets, name) => {
    const paths = pathsOf(datasets);
    expect(paths.size).toBe(94 * 4);
    for (const number of NUMBERS) {
      expect(paths.get(`conv2d_${number}/kernel`)).toContain(`${name('conv2d', number)}/kernel`);
      for (const variable of NORM)
        expect(paths.get(`batch_normalization_${number}/${variable}`)).toContain(`${name('batch_normalization', number)}/${variable}`);
    }
  });

  test.each<[string, FoundDataset[]]>([
    ['numbered by place alone', byPlace()],
    ['with names', byPlace(counted(0))],
    ['of a second model in a session', byPlace(counted(94))],
    ['with names of their own', byPlace((kind, number) => `my_${kind}_of_${number}`)],
    ['as a layer of a model', byPlace(counted(0), 'layers/functional/')],
    ['as in TensorFlow 2.12', byPlace(counted(0), '_layer_checkpoint_dependencies/')],
  ])('.weights.h5 %s: by place in depth order', (_, datasets) => {
    const paths = pathsOf(datasets);
    for (const [place, number] of DEPTH_ORDER.entries()) {
      const group = place === 0 ? '' : `_${place}`;
      expect(paths.get(`conv2d_${number}/kernel`)).toMatch(new RegExp(`layers/conv2d${group}/vars/0$`));
      NORM.forEach((variable, index) =>
        expect(paths.get(`batch_normalization_${number}/${variable}`)).toMatch(
          new RegExp(`layers/batch_normalization${group}/vars/${index}$`),
        ),
      );
    }
  });

  test('gamma and bias are found, so that they are not passed over', () => {
    const more = byPlace().flatMap((dataset) =>
      dataset.path.endsWith('conv2d_1/vars/0') ? [dataset, { path: dataset.path.replace('vars/0', 'vars/1') }] : [dataset],
    );
    expect(pathsOf(more).get('conv2d_2/bias')).toBe('layers/conv2d_1/vars/1');
    const scaled = [
      ...byPlace(),
      ...NUMBERS.map((number) => ({ path: `layers/batch_normalization${number === 1 ? '' : `_${number - 1}`}/vars/3` })),
    ];
    expect(pathsOf(scaled).get('batch_normalization_1/gamma')).toBe('layers/batch_normalization/vars/0');
    expect(pathsOf(scaled).get('batch_normalization_1/moving_variance')).toBe('layers/batch_normalization/vars/3');
  });

  test.each([
    ['nothing', [], 'expected 94 convolutions named conv2d… but found none'],
    ['one convolution less', byLayer(published).filter(({ path }) => !path.startsWith('conv2d_94/')), 'named conv2d… but found 93'],
    ['no batch-norm', byLayer(published).filter(({ path }) => path.startsWith('conv2d')), 'named batch_normalization… but found 0'],
  ])('%s is a problem', (_, datasets, problem) => {
    expect(findInception(datasets)).toEqual({ problem: expect.stringContaining(problem) as string });
  });

  test('depth order has every number once', () => {
    expect([...DEPTH_ORDER].sort((a, b) => a - b)).toEqual(NUMBERS);
  });
});

describe('another model', () => {
  test.each([
    ['a ResNet', ['conv1_conv', 'conv1_bn', 'conv2_block1_1_conv', 'predictions']],
    ['a DenseNet', ['conv1_conv', 'conv2_block1_1_conv', 'pool2_bn', 'pool2_conv']],
    ['a VGG', ['block1_conv1', 'fc1', 'predictions']],
    ['an Xception', ['block1_conv1', 'block2_sepconv1']],
    ['an EfficientNet', ['stem_conv', 'block1a_dwconv']],
    ['a MobileNet', ['conv1', 'conv_dw_1', 'conv_pw_1']],
    ['a MobileNetV2', ['Conv1', 'expanded_conv_depthwise', 'block_1_expand']],
    ['a MobileNetV3', ['conv', 'expanded_conv_1_expand']],
    ['a NASNet', ['stem_conv1', 'stem_bn1']],
    ['a ConvNeXt', ['convnext_tiny_stage_0_block_0_depthwise_conv']],
    ['an InceptionResNetV2', ['conv2d_1', 'batch_normalization_1', 'block35_1_conv']],
  ])('%s', (family, layers) => {
    expect(seemsToBe(layers)).toBe(`it seems to be ${family}`);
  });

  test('no family of its own', () => {
    expect(familyOf(['conv2d_1', 'batch_normalization_1', 'predictions', 'mixed0'])).toBeUndefined();
    expect(seemsToBe(['dense', 'dense_1', 'lstm'])).toBe('it seems to be another model, with 2 dense layers, 1 recurrent layers');
    expect(seemsToBe(['a', 'b', 'c', 'd', 'e', 'f'])).toBe('it holds a, b, c, d, e and 1 more');
    expect(seemsToBe([])).toBe('it is empty');
  });
});
