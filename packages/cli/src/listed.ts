/** A parser for flags that take several values, with commas between them or by repeating the flag. */
export function listed(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(',').filter((part) => part !== '')];
}
