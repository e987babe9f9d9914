import { z } from 'zod';

export const CONTROL_FORMAT = 1;

export const LEAST_PRIORITY = 1;
export const GREATEST_PRIORITY = 100;
export const DEFAULT_PRIORITY = 10;

/** `runs/<run>/control.json`: an operator's word, changed by compare-and-swap. Absent means: go on, as any other run. */
export const ControlRecord = z.object({
  formatVersion: z.literal(CONTROL_FORMAT),
  state: z.enum(['running', 'paused', 'cancelled']),
  /** The run's share of the workers: a run of 20 gets two shards encoded to every one of a run of 10. Absent means 10. */
  priority: z.int().min(LEAST_PRIORITY).max(GREATEST_PRIORITY).optional(),
});
export type ControlRecord = z.infer<typeof ControlRecord>;

/** What holds of a run of which nobody has said anything. */
export const NO_CONTROL: ControlRecord = { formatVersion: CONTROL_FORMAT, state: 'running' };

export const priorityOf = ({ priority = DEFAULT_PRIORITY }: ControlRecord) => priority;
