import type { FuzzTarget } from './fuzz-target';

/** Loaded one at a time: what another target's libraries do is not to be seen in its memory. */
export const TARGETS = {
  zip: async () => (await import('./zip-target.js')).zipTarget,
  hdf5: async () => (await import('./hdf5-target.js')).hdf5Target,
  arrow: async () => (await import('./arrow-target.js')).arrowTarget,
  safetensors: async () => (await import('./safetensors-target.js')).safetensorsTarget,
} as const satisfies Record<string, () => Promise<FuzzTarget>>;

export type TargetName = keyof typeof TARGETS;
