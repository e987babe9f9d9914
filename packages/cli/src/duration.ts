import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** A parser for flags that take a length of time, as `90m`, `24h` or `3d`. @returns seconds. */
export function duration(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([smhdw])$/.exec(text.trim()) ?? [];
  if (number !== undefined) return Number(number) * UNITS[unit]!;
  throw new InvalidArgumentError('Expected a number with a unit: 90m, 24h, 3d or 2w.');
}
