import { InvalidArgumentError } from 'commander';

/** A parser for flags that take a number from `least` to `most`; `above` leaves `least` itself out. */
export function decimalNumber(least: number, most: number, { above = false } = {}): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d*\.?\d+$/.test(text) && (above ? value > least : value >= least) && value <= most) return value;
    throw new InvalidArgumentError(`Expected a number ${above ? `above ${least}, at most ${most}` : `from ${least} to ${most}`}.`);
  };
}
