import { encodeCaptionRows } from '@showtell/shared/arrow/caption-rows';
import { encodePlanRows } from '@showtell/shared/arrow/plan-rows';
import { sha256 } from '@showtell/shared/hash';
import { keys } from '@showtell/shared/keys';
import { PLAN_FORMAT, type PlanRecord } from '@showtell/shared/schema/plan';
import type { PartRecord } from '@showtell/shared/schema/record';
import { encodeRecord } from '@showtell/shared/schema/record';
import type { RunRecord } from '@showtell/shared/schema/run';
import { planShards } from '../plan/plan';
import type { Dataset } from '../source/dataset';
import type { TakenOver } from './base-run';

export interface BuiltPlan {
  readonly record: PlanRecord;
  readonly parts: readonly { readonly key: string; readonly body: Buffer }[];
}

export interface PlanOptions {
  /** Of the encoder file in use, where that was made of the weights that the request names. */
  readonly encoderSha256?: string | undefined;
  /** What is not planned, because another run has it. */
  readonly takenOver?: TakenOver | undefined;
}

/** The plan of a run with every object it names. Pure: the same arguments give the same bytes. */
export function buildPlan(request: RunRecord, dataset: Dataset, { encoderSha256, takenOver }: PlanOptions = {}): BuiltPlan {
  const { run } = request;
  const toEncode = dataset.splits.map(({ split, samples }) => ({ split, samples: takenOver?.left.get(split) ?? samples }));
  const parts: { key: string; body: Buffer }[] = [];
  const part = (keyOf: (sha: string) => string, body: Buffer): PartRecord => {
    const sha = sha256(body);
    const key = keyOf(sha);
    parts.push({ key, body });
    return { key, bytes: body.length, sha256: sha };
  };
  const shards = planShards({ splits: toEncode }, request.shardRows).map(({ shard, split, rows }) => ({
    ...part((sha) => keys.planPart(run, shard, sha), encodePlanRows(rows)),
    shard,
    split,
    rows: rows.length,
  }));
  const captions = dataset.splits.map(({ split, captions: rows }) => ({
    ...part((sha) => keys.captions(run, split, sha), encodeCaptionRows(rows)),
    split,
    rows: rows.length,
  }));
  const record: PlanRecord = {
    formatVersion: PLAN_FORMAT,
    run,
    encoder: {
      encoder: request.encoder,
      weightsSha256: encoderSha256 ?? request.weightsSha256,
      preprocessing: request.preprocessing,
      precision: request.precision,
      dimension: request.dimension,
    },
    microBatch: request.microBatch,
    splits: dataset.splits.map(({ split, samples, captions: rows }) => ({
      split,
      samples: samples.length,
      captions: rows.length,
      shards: shards.filter((shard) => shard.split === split).length,
    })),
    shards,
    captions,
    findings: dataset.findings,
    ...(takenOver && { base: takenOver.base }),
    runSha256: sha256(encodeRecord(request)),
  };
  return { record, parts };
}
