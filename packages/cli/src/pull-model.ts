import { type ExportFormat, exportCaptioner } from '@showtell/captioner/export/export-captioner';
import { ShowtellError } from '@showtell/shared/errors';
import { pullCheckpoint } from '@showtell/trainer/checkpoint/pull';
import type { CommandContext } from './context';
import { asJson, print, tell } from './output/print';

export interface PullModelOptions {
  /** A MODEL of the store. */
  readonly model: string;
  readonly out: string;
  readonly format: 'safetensors' | ExportFormat;
  readonly withOptimizer?: boolean;
  readonly json?: boolean;
}

/** Pulls a model in the format asked for, and prints what came. */
export async function pullModel({ store, signal }: CommandContext, options: PullModelOptions): Promise<void> {
  const { model, out, format, withOptimizer = false, json = false } = options;
  if (withOptimizer && format !== 'safetensors')
    throw new ShowtellError('USAGE', `Expected no --with-optimizer for --format ${format}, from which no training can go on`);
  const pulled =
    format === 'safetensors'
      ? { ...(await pullCheckpoint(store, model, out, { signal, withOptimizer })), withEncoder: true }
      : await exportCaptioner(store, model, out, { format, signal });
  const { path, bytes, record, sha256, withEncoder } = pulled;
  const { training, step, epoch, loss, validationLoss } = record;
  if (json) {
    const printed = { path, bytes, format, withEncoder, training, step, epoch, loss, validationLoss, sha256 };
    print(asJson(printed));
    return;
  }
  const what = format === 'safetensors' ? 'every file verified' : `as ${format}, see README.md there`;
  print(`${training} at step ${step} (epoch ${epoch}) is in ${path}: ${(bytes / 1e6).toFixed(1)} MB, ${what}\n`);
  if (!withEncoder)
    tell(
      'The encoder is not in it: TensorFlow.js layers compute neither int8 nor an encoder of your own. Its features: showtell encode; or pull --format onnx\n',
    );
}
