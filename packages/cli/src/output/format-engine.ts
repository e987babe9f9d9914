import type { EngineDescription } from '@showtell/encoder-worker/encoder/engines/engine';
import { plural } from './format';

/** What computes, in one line: engine, precision, device, its name, threads, versions, and why `auto` took it. */
export function formatEngine({ engine, provider, device, deviceName, precision, threads, versions, chosen }: EngineDescription): string {
  const libraries = Object.entries(versions).map(([library, version]) => `${library} ${version}`);
  const details = [deviceName, ...(provider === 'CUDA' ? [] : [plural(threads, 'thread')]), ...libraries].join(', ');
  return `${engine} in ${precision} on ${device} (${details})${chosen === undefined ? '' : `; auto: ${chosen}`}`;
}
