import { z } from 'zod';
import { EncoderIdentity } from './encoder-identity';
import { Count } from './record';

export const REPORT_FORMAT = 1;

const Seconds = z.number().min(0);

/** What workers on one kind of device did for a run. */
export const DeviceReport = z.object({
  device: z.string(),
  /** What the device calls itself. */
  deviceName: z.string(),
  precision: EncoderIdentity.shape.precision,
  engine: z.string(),
  workers: Count,
  images: Count,
  /** In which a worker had a shard in hand, of all workers together; two shards at once count once. */
  seconds: Seconds,
  /** Of one worker, beside as many others as there were: images / seconds. `null` where there was no time to measure. */
  imagesPerSecond: z.number().nullable(),
});
export type DeviceReport = z.infer<typeof DeviceReport>;

/** `runs/<run>/reports/<k>-<sha>.json`: what the run of manifest `k` took, made of its own commit records alone. Same commits, same bytes. */
export const ReportRecord = z.object({
  formatVersion: z.literal(REPORT_FORMAT),
  run: z.string(),
  /** Number of the manifest. */
  manifest: Count,
  encoder: EncoderIdentity,
  /** Encoded by this run. */
  images: Count,
  /** From its base, and from that one's. */
  takenOver: Count,
  rejected: z.record(z.string(), Count),
  /** From when the first shard was begun to when the last was committed, by the workers' clocks; `null` where nothing was encoded. */
  from: z.string().nullable(),
  to: z.string().nullable(),
  wallSeconds: Seconds,
  /** In which workers had a shard in hand, all workers together. */
  workerSeconds: Seconds,
  /** In the encoder alone, all workers together. */
  encodeSeconds: Seconds,
  /** Of the photos that this run read, and of the shards that it wrote. */
  sourceBytes: Count,
  shardBytes: Count,
  /** In the order of their names. */
  devices: z.array(DeviceReport),
});
export type ReportRecord = z.infer<typeof ReportRecord>;
