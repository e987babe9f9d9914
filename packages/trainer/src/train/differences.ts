import { canonicalJson } from '@showtell/shared/hash';

/** How two JSON values differ, a line for each place: `hyperparameters.epochs: 20 there, 8 asked for`. `sides` says where each one stands. */
export function differences(
  there: unknown,
  asked: unknown,
  sides: readonly [string, string] = ['there', 'asked for'],
  path = '',
): string[] {
  if (isObject(there) && isObject(asked)) {
    const names = [...new Set([...Object.keys(there), ...Object.keys(asked)])];
    return names.flatMap((name) => differences(there[name], asked[name], sides, path === '' ? name : `${path}.${name}`));
  }
  if (canonicalJson(there) === canonicalJson(asked)) return [];
  return [`${path}: ${JSON.stringify(there) ?? 'nothing'} ${sides[0]}, ${JSON.stringify(asked) ?? 'nothing'} ${sides[1]}`];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
