import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { EnqueueOptions } from '@showtell/ingest/admin/enqueue';
import { openDataset } from '@showtell/ingest/source/open';
import { readCommit, readPlannedRun } from '@showtell/shared/planned-run';
import type { CommitRecord } from '@showtell/shared/schema/shard';
import sharp, { type Sharp } from 'sharp';
import { type Checked, checkInvariants } from '../invariants';
import type { PipelineRig } from '../pipeline-rig';

export interface EncodedPhotos extends Checked {
  readonly run: string;
  readonly commits: readonly CommitRecord[];
  /** The feature of a photo, by its file name without extension. */
  readonly feature: (name: string) => Float32Array;
}

/** Writes photos, by file name, into a folder of the rig's, each with a caption. */
export function writePhotos(rig: PipelineRig, photos: Readonly<Record<string, Buffer>>, folder = 'photos'): string {
  const path = join(rig.folder, folder);
  mkdirSync(path, { recursive: true });
  for (const [name, bytes] of Object.entries(photos)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), bytes);
  }
  writeFileSync(
    join(path, 'captions.jsonl'),
    Object.keys(photos)
      .map((name) => `${JSON.stringify({ file_name: name, text: `What ${name} shows.` })}\n`)
      .join(''),
  );
  return path;
}

/** Sends photos through the whole pipeline and checks what must hold of every run. */
export async function encodePhotos(
  rig: PipelineRig,
  photos: Readonly<Record<string, Buffer>>,
  folder?: string,
  request: Partial<EnqueueOptions> = {},
): Promise<EncodedPhotos> {
  const { run } = await rig.enqueue({ source: await openDataset(writePhotos(rig, photos, folder)), splits: [], ...request });
  await rig.drain();
  const checked = await checkInvariants(rig.store, run);
  const { plan } = (await readPlannedRun(rig.store, run))!;
  const commits = await Promise.all(plan.shards.map(async ({ shard }) => (await readCommit(rig.store, run, shard))!));
  const feature = (name: string) => {
    const found = checked.features.get(name);
    if (found === undefined) throw new Error(`Expected a feature of ${name} but it has ${checked.rejected.get(name) ?? 'no row'}`);
    return found;
  };
  return { ...checked, run, commits, feature };
}

/** Noise, always the same: how a decoder takes damage depends on the bytes around it. */
export function noise(width: number, height: number, seed = 1): Sharp {
  let state = seed;
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24;
  return sharp(Buffer.from(Array.from({ length: width * height * 3 }, next)), { raw: { width, height, channels: 3 } });
}
