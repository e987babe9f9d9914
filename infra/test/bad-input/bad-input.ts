/** Who would do such a thing. */
export type Person = 'operator' | 'researcher' | 'deployer';

/** Something that a person may do wrongly. What the program answers stands in docs/bad-input.md, which the test writes. */
export interface BadInput {
  readonly person: Person;
  /** What is wrong, as the heading of a row: `a split that is not there`. */
  readonly wrong: string;
  /** Words of the command line, behind `showtell`. */
  readonly args: readonly string[];
  /** What differs from a sound environment, `undefined` where it is unset; see `Place` for what a sound one has. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Name of a damaged copy of the store: one of `DAMAGES`. */
  readonly damaged?: string;
}

/** How a person's rows are written: the words of a line stand between spaces. */
export function rowsOf(person: Person) {
  const wrong = (what: string, line: string, env?: BadInput['env']): BadInput => ({
    person,
    wrong: what,
    args: line.split(' '),
    ...(env && { env }),
  });
  const damaged = (name: string, what: string, line: string): BadInput => ({ ...wrong(what, line), damaged: name });
  return { wrong, damaged };
}
