import { totalmem } from 'node:os';

/** Half of the memory that this process may have: a container's limit, or the machine's. The rest is for captions, the network and others. */
export function defaultFeatureMemory(): number {
  const limit = process.constrainedMemory();
  const total = totalmem();
  return Math.floor((limit > 0 && limit < total ? limit : total) / 2);
}
