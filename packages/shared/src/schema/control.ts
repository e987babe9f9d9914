import { z } from 'zod';

export const CONTROL_FORMAT = 1;

/** `runs/<run>/control.json`: an operator's word, changed by compare-and-swap. Absent means: go on. */
export const ControlRecord = z.object({
  formatVersion: z.literal(CONTROL_FORMAT),
  state: z.enum(['running', 'paused', 'cancelled']),
  priority: z.int().min(0).max(2_000_000).optional(),
});
export type ControlRecord = z.infer<typeof ControlRecord>;
