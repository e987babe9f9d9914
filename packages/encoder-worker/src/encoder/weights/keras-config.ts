import { ShowtellError } from '@showtell/shared/errors';
import { EPSILON } from '../inception-v3';
import { INPUT_SCALING, type InputScaling } from './tensors';

interface LayerConfig {
  readonly name?: unknown;
  readonly epsilon?: unknown;
  readonly scale?: unknown;
  readonly offset?: unknown;
}

/**
 * How a model scales its input, from its configuration: by its `Rescaling` layer, else as Keras' InceptionV3 is fed.
 * @param config Keras' JSON: `config.json` of a `.keras` file, the attribute `model_config` of a whole-model `.h5`.
 * @param layers names of the layers that are taken; their batch-norms must have Keras' epsilon, which no weights file holds.
 * @throws ShowtellError `WEIGHTS_INVALID`, where the model does what InceptionV3 does not
 */
export function inputScalingOf(config: string, layers: ReadonlySet<string>, where: string): InputScaling {
  const invalid = (message: string) => new ShowtellError('WEIGHTS_INVALID', `${message} in the configuration of ${where}`);
  let model: unknown;
  try {
    model = JSON.parse(config);
  } catch (cause) {
    throw new ShowtellError('WEIGHTS_INVALID', `The configuration of ${where} is not JSON`, { cause });
  }
  let scaling: InputScaling | undefined;
  for (const [kind, layer] of layersOf(model)) {
    if (kind === 'BatchNormalization' && layers.has(layer.name as string) && layer.epsilon !== undefined && layer.epsilon !== EPSILON)
      throw invalid(`Expected epsilon ${EPSILON} of ${layer.name as string} but received ${JSON.stringify(layer.epsilon)}`);
    if (kind !== 'Rescaling') continue;
    const { scale, offset } = layer as { scale: number; offset: number };
    const known = (Object.keys(INPUT_SCALING) as InputScaling[]).find(
      (name) => Math.abs(INPUT_SCALING[name].scale - scale) < 1e-9 && INPUT_SCALING[name].offset === offset,
    );
    if (known === undefined || scaling !== undefined)
      throw invalid(`Expected one Rescaling of the input, to x/127.5-1 or x/255, but received scale ${scale}, offset ${offset}`);
    scaling = known;
  }
  return scaling ?? 'x/127.5-1';
}

/** Every layer of a configuration, those of models within models too: its class and its own settings. However deep it is, as JSON may be. */
function* layersOf(model: unknown): Generator<[kind: string, config: LayerConfig]> {
  const pending = [model];
  while (pending.length > 0) {
    const value = pending.pop();
    if (value === null || typeof value !== 'object') continue;
    const { class_name: kind, config } = value as { class_name?: unknown; config?: unknown };
    if (typeof kind === 'string' && config !== null && typeof config === 'object') yield [kind, config];
    for (const member of Object.values(value)) pending.push(member);
  }
}
