import { concurrently } from '@showtell/shared/concurrently';
import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import { decodeMetricLines, type FigureLine, foldMetrics, type MetricLine } from './metric-lines';

/** Parts read at once. */
const READS = 16;

/** The figures of a training up to its newest checkpoint, every step and epoch once, in order; none before its first checkpoint. */
export async function readMetrics(store: ObjectStore, training: string, signal?: AbortSignal): Promise<FigureLine[]> {
  const options = signal && { signal };
  const parts: { readonly key: string; readonly leaseEpoch: number; readonly part: number }[] = [];
  for await (const { key } of store.list(keys.metrics(training), options)) {
    const [, leaseEpoch, part] = /\/(\d+)-(\d+)\.jsonl$/.exec(key) ?? [];
    if (leaseEpoch !== undefined) parts.push({ key, leaseEpoch: Number(leaseEpoch), part: Number(part) });
  }
  parts.sort((a, b) => a.leaseEpoch - b.leaseEpoch || a.part - b.part);
  const lines: MetricLine[][] = [];
  await concurrently(parts, READS, async ({ key }, index) => {
    const found = await store.get(key, options);
    // Listed a moment ago and gone: the training was removed.
    lines[index] = found ? decodeMetricLines(found.body, key) : [];
  });
  return foldMetrics(lines.flat());
}
