import { ShowtellError } from '@showtell/shared/errors';
import { ENGINES, type EncoderEngine, type EngineDescription, type EngineName, type EngineOptions, type OnNotice } from './engine';
import { openOnnxEngine, probeOnnx } from './onnx';
import { openTensorflowEngine, probeTensorflow } from './tensorflow';

interface Opener {
  readonly open: (options: EngineOptions, onNotice?: OnNotice) => Promise<EncoderEngine>;
  /** Which device it gets, without weights: so that a machine that cannot is told before there is work. */
  readonly probe: (options: EngineOptions) => Promise<EngineDescription>;
}

const OPENERS: Readonly<Record<EngineName, Opener>> = {
  onnx: { open: openOnnxEngine, probe: probeOnnx },
  tensorflow: { open: openTensorflowEngine, probe: probeTensorflow },
};

/** Opens the engine of that name in this process. @throws ShowtellError `CONFIG_INVALID`, `DEVICE_UNAVAILABLE`, `WEIGHTS_INVALID`. */
export async function openEngine(options: EngineOptions, onNotice?: OnNotice): Promise<EncoderEngine> {
  return openerOf(options).open(options, onNotice);
}

/** The device that an engine of these options gets on this machine. @throws ShowtellError `CONFIG_INVALID`, `DEVICE_UNAVAILABLE`. */
export async function probeEngine(options: EngineOptions): Promise<EngineDescription> {
  return openerOf(options).probe(options);
}

function openerOf({ engine, threads }: EngineOptions): Opener {
  if (!Object.hasOwn(OPENERS, engine))
    throw new ShowtellError('CONFIG_INVALID', `Expected one of ${ENGINES.join(', ')} for engine but received ${engine}`);
  if (!Number.isInteger(threads) || threads < 1)
    throw new ShowtellError('CONFIG_INVALID', `Expected a positive number for threads but received ${threads}`);
  return OPENERS[engine];
}
