/** Names of layers that only one family of models in `keras.applications` has. */
const FAMILIES: readonly (readonly [name: string, layer: RegExp])[] = [
  ['InceptionResNetV2', /^(?:block35_1|mixed_5b|conv_7b)/],
  ['EfficientNet', /^block\d[a-z]_(?:dwconv|se_reduce|expand_conv)/],
  ['MobileNetV2', /^block_\d+_(?:depthwise|expand|project)/],
  ['MobileNetV3', /^expanded_conv_\d+/],
  ['MobileNet', /^conv_(?:dw|pw)_\d+/],
  // Before ResNet: both have blocks of the same names.
  ['DenseNet', /^pool\d_(?:conv|bn)$/],
  ['ResNet', /^(?:conv\d_block\d+_|conv1_conv$|res\d[a-z]_branch|bn\d[a-z]_branch)/],
  ['Xception', /^block\d+_sepconv\d/],
  ['VGG', /^block\d_conv\d$/],
  ['NASNet', /^stem_(?:conv1|bn1)$/],
  ['ConvNeXt', /convnext_[a-z]+_stage_\d/],
];

const KINDS: readonly (readonly [plural: string, layer: RegExp])[] = [
  ['convolutions', /conv/i],
  ['batch-norms', /batch_?norm|(?:^|_)bn/i],
  ['dense layers', /dense|predictions|(?:^|_)fc\d*/i],
  ['recurrent layers', /lstm|gru/i],
  ['embeddings', /embed/i],
  ['attention layers', /attention/i],
];

/** The family of `keras.applications` that has such layers, if any other than InceptionV3. */
export function familyOf(layers: readonly string[]): string | undefined {
  const family = FAMILIES.find(([, pattern]) => layers.some((layer) => pattern.test(layer)))?.[0];
  return family && `${/^[AEIOX]/.test(family) ? 'an' : 'a'} ${family}`;
}

/**
 * What a file with these layers seems to be, as the end of a sentence.
 * @param layers names of layers, or of groups where the file is none of Keras'.
 */
export function seemsToBe(layers: readonly string[]): string {
  const family = familyOf(layers);
  if (family !== undefined) return `it seems to be ${family}`;
  const counts = KINDS.map(([plural, pattern]) => [plural, layers.filter((layer) => pattern.test(layer)).length] as const);
  const found = counts.filter(([, count]) => count > 0).map(([plural, count]) => `${count} ${plural}`);
  if (found.length > 0) return `it seems to be another model, with ${found.join(', ')}`;
  if (layers.length === 0) return 'it is empty';
  return `it holds ${layers.slice(0, 5).join(', ')}${layers.length > 5 ? ` and ${layers.length - 5} more` : ''}`;
}
