import type { BadInput, Person } from './bad-input';

/** A bad input and what the program answered, in words that do not change from one machine to another. */
export interface Answered extends BadInput {
  readonly exit: number | null;
  /** Its message: from the first line that begins with a code. */
  readonly says: string;
}

const HEADINGS: Readonly<Record<Person, string>> = {
  operator: 'The operator',
  researcher: 'The researcher',
  deployer: 'The deployer',
};

/** docs/bad-input.md. */
export function badInputPage(answered: readonly Answered[]): string {
  return `# Bad input

What the program answers to ${answered.length} inputs that are wrong, each tried by the test that writes this page (\`npm run docs:bad-input\`). An
answer is a code of [the one table](errors.md), what was expected and what was received, where, and mostly what to do. Exit codes: 2 usage
or configuration, 3 the input was rejected, 4 store or queue unreachable or unsafe, 5 training diverged, 6 a run is stuck or damaged.

The working folder is \`/home/ada/photos\`, with a complete run \`drawn\`, a run \`waiting\` that nobody has encoded yet, a training \`f8\`, and
\`captioner\`, the folder that \`pull\` made of it. Where an object of the store is said to be damaged it is damaged in a copy.

${(Object.keys(HEADINGS) as Person[])
  .map(
    (person) =>
      `## ${HEADINGS[person]}\n\n| wrong | command | exit | message |\n| --- | --- | --- | --- |\n${answered
        .filter((input) => input.person === person)
        .map(row)
        .join('\n')}\n`,
  )
  .join('\n')}`;
}

function row({ wrong, args, env = {}, exit, says }: Answered): string {
  const given = Object.entries(env).map(([name, value]) => (value === undefined ? `${name}=` : `${name}=${value}`));
  return `| ${wrong} | ${code([...given, 'showtell', ...args].join(' '))} | ${exit} | ${says.trimEnd().split('\n').map(code).join('<br>')} |`;
}

/** Text as it is, in a cell: a bar would end it, and a grave accent the code. */
function code(text: string): string {
  const fence = text.includes('`') ? '``' : '`';
  const own = text.replaceAll('|', '\\|').replace(/^ +/, (spaces) => '\u00a0'.repeat(spaces.length));
  return own === '' ? '' : `${fence}${own}${fence}`;
}
