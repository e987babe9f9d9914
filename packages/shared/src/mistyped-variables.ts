const PREFIX = 'SHOWTELL_';
/** Letters that are wrong, missing, too many or, for one, swapped with the next. */
const MOST_EDITS = 2;

/**
 * What is wrong with variables that are meant for Showtell and that it does not know. Others may have variables of that prefix, as
 * scripts have and Kubernetes gives: only a name that is nearly a setting's is a problem.
 * @param known the variable that each accepted or likely name stands for
 */
export function mistypedVariables(env: NodeJS.ProcessEnv, known: ReadonlyMap<string, string>): string[] {
  const variables = new Set(known.values());
  return Object.keys(env).flatMap((name) => {
    if (!name.startsWith(PREFIX) || !env[name] || variables.has(name)) return [];
    const meant = [...known].find(([likely]) => edits(name, likely) <= MOST_EDITS);
    return meant === undefined ? [] : [`${name}: no setting has this name; expected ${meant[1]}`];
  });
}

/** How many edits make one text the other (Damerau's and Levenshtein's distance). */
function edits(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > MOST_EDITS) return Number.POSITIVE_INFINITY;
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= a.length; row++) {
    const next = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1] ? 0 : 1;
      let least = Math.min(last[column]! + 1, next[column - 1]! + 1, last[column - 1]! + same);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        least = Math.min(least, before[column - 2]! + 1);
      next.push(least);
    }
    [before, last] = [last, next];
  }
  return last[b.length]!;
}
