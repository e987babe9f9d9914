import { InvalidArgumentError } from 'commander';

/** A parser for flags that take several values, with commas between them or by repeating the flag. */
export function listed(text: string, before: readonly string[] = []): string[] {
  const values = text.split(',').filter((part) => part !== '');
  // Nothing would mean all.
  if (values.length === 0) throw new InvalidArgumentError('Expected names with commas between them.');
  return [...before, ...values];
}
