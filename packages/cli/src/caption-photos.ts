import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CaptionOptions, checkCaptionOptions } from '@showtell/captioner/caption-options';
import { type LoadOptions, loadCaptioner } from '@showtell/captioner/load';
import { EXIT } from '@showtell/shared/errors';
import { meansFolder } from '@showtell/trainer/checkpoint/folder';
import { pullCheckpoint } from '@showtell/trainer/checkpoint/pull';
import { Random } from '@showtell/trainer/model/random';
import type { CommandContext } from './context';
import { formatEngine } from './output/format-engine';
import { print, tell } from './output/print';
import { reportRejected } from './report-rejected';

/** Photos whose captions come out together. */
const CHUNK = 32;

export interface CaptionPhotosOptions extends Pick<LoadOptions, 'engine' | 'device' | 'threads'> {
  readonly decoding: CaptionOptions & { readonly seed?: number | undefined };
  readonly photos: readonly string[];
  /** A folder that `pull` made, or a MODEL of the store. */
  readonly model: string;
  readonly json: boolean;
}

/** Prints a caption for each photo. Photos that cannot be captioned are told on standard error and make the exit code 3. */
export async function captionPhotos(
  context: CommandContext,
  { photos, model, json, decoding, ...options }: CaptionPhotosOptions,
): Promise<void> {
  checkCaptionOptions(decoding);
  const { signal, shutdown, settings } = context;
  const captioner = await loadCaptioner(await modelFolder(context, model), { ...options, tensorflow: settings.tensorflow, signal });
  shutdown.defer('captioner', () => captioner.close());
  tell(`Encoding by ${formatEngine(captioner.encoder)}\n`);
  const { samples, seed = 0 } = decoding;
  // One generator for all photos: what is drawn of them does not depend on the chunks.
  const wanted = { ...decoding, signal, ...(samples !== undefined && { seed: new Random(seed) }) };
  let rejected = 0;
  for (let start = 0; start < photos.length; start += CHUNK) {
    signal.throwIfAborted();
    const chunk = photos.slice(start, start + CHUNK);
    for (const [index, result] of (await captioner.caption(chunk, wanted)).entries()) {
      const path = chunk[index]!;
      if ('error' in result) {
        rejected += 1;
        reportRejected(path, result.error);
      }
      if (json) print(`${JSON.stringify({ photo: path, ...('error' in result ? errorFields(result.error) : result) })}\n`);
      else if (!('error' in result))
        for (const { caption } of result.candidates ?? [result]) print(photos.length === 1 ? `${caption}\n` : `${path}: ${caption}\n`);
    }
  }
  if (rejected > 0) process.exitCode = EXIT.INPUT;
}

const errorFields = ({ code, message }: { code: string; message: string }) => ({ error: { code, message } });

/** A MODEL of the store is pulled into a temporary folder, which goes with the program. */
async function modelFolder({ store, signal, shutdown }: CommandContext, model: string): Promise<string> {
  if (meansFolder(model)) return model;
  const folder = await mkdtemp(join(tmpdir(), 'showtell-model-'));
  shutdown.defer('model', () => rm(folder, { recursive: true, force: true }));
  return (await pullCheckpoint(store, model, join(folder, 'checkpoint'), { signal })).path;
}
