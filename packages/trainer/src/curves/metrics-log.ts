import { keys } from '@showtell/shared/keys';
import type { ObjectStore } from '@showtell/shared/object-store/object-store';
import type { TrainEvent } from '../train/events';
import { encodeMetricLines, type MetricLine, metricLineOf } from './metric-lines';

/**
 * Keeps a training's figures in the store, a part before each checkpoint: whatever a checkpoint was trained with has been told before
 * it exists. No object can be appended to, and none is written twice: a part's key has the lease epoch and a number that counts up.
 */
export class MetricsLog {
  #lines: MetricLine[] = [];
  #parts = 0;

  constructor(
    private readonly store: ObjectStore,
    private readonly training: string,
    private readonly leaseEpoch: number,
  ) {}

  record(event: TrainEvent): void {
    const line = metricLineOf(event, Date.now() / 1_000);
    if (line) this.#lines.push(line);
  }

  /** Writes what was recorded since the last time. */
  async flush(): Promise<void> {
    if (this.#lines.length === 0) return;
    const lines = this.#lines;
    await this.store.put(keys.metricsPart(this.training, this.leaseEpoch, this.#parts), encodeMetricLines(lines));
    this.#lines = this.#lines.slice(lines.length);
    this.#parts += 1;
  }
}
