/** Writes the pages that are made from tables in the code: `npm run docs`. A test checks that they are current. */
const { writeFileSync } = require('node:fs');
const path = require('node:path');
const { ERROR_CODES, EXIT } = require('@showtell/shared/errors');
const { SETTINGS, CONFIG_FILE, kebab } = require('@showtell/shared/config');
const { SOURCE_VARIABLES } = require('@showtell/shared/source/source-access');

const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const EXIT_MEANING = {
  DONE: 'done',
  BUG: 'a bug of Showtell',
  USAGE: 'usage or configuration',
  INPUT: 'the input was rejected',
  STORE: 'store or queue unreachable or unsafe',
  DIVERGED: 'training diverged',
  DAMAGED: 'a run is stuck or failed, or a check found damage',
  INTERRUPTED: 'interrupted',
};

function errorsPage() {
  return `# Errors

Every error has a code, a message that says what happened and where, and mostly a hint. On a terminal it looks like

\`\`\`
NOT_A_DATASET: Expected a dataset in … but received …
  What to do about it.
\`\`\`

## Exit codes

${table(
  ['exit code', 'meaning'],
  Object.entries(EXIT).map(([name, code]) => [code, EXIT_MEANING[name]]),
)}

## Codes

"again" says whether the same action may succeed later without anybody changing anything; workers try those again by themselves.

${table(
  ['code', 'exit', 'again', 'meaning'],
  Object.entries(ERROR_CODES).map(([code, { exit, retryable, meaning }]) => [`\`${code}\``, exit, retryable ? 'yes' : '', meaning]),
)}
`;
}

function configurationPage() {
  const fallback = (schema) => {
    const parsed = schema.safeParse(undefined);
    return parsed.success && parsed.data !== undefined ? `\`${parsed.data}\`` : '';
  };
  return `# Configuration

Each setting is taken from the first of: a flag, an environment variable, \`${CONFIG_FILE}\` in the working folder (another file: \`--config FILE\`). All problems
are reported at once. Credentials come from the AWS SDK's own variables and files (\`AWS_SHARED_CREDENTIALS_FILE\`), and from the user part of \`REDIS_URL\`; they are
never printed, stored or put into jobs. \`REDIS_URL\`, \`SHOWTELL_PIXEL_REDIS\`, \`SHOWTELL_IMAGENET_URL\` and the source's credentials below may stand in a file instead, which
\`REDIS_URL_FILE\` and so on name, as containers are given secrets. A password on the command line, where all of a machine can see it, is refused;
so is a variable whose name is nearly, but not quite, one of these.

${table(
  ['in `showtell.config.json`', 'variable', 'flag', 'default', 'meaning'],
  Object.entries(SETTINGS).map(([name, { env, schema, meaning }]) => [
    `\`${name}\``,
    `\`${env}\``,
    `\`--${kebab(name)}\``,
    name === 'store' ? '`.showtell/store` in the working folder' : fallback(schema),
    meaning,
  ]),
)}

## Credentials of the source

A source in S3 may lie elsewhere than the results: \`--source-endpoint\` names its server, \`--no-sign-request\` reads a public bucket. What it
needs to be read with stands in the environment of \`enqueue\` and of the workers, and is used for the source alone; without these variables
the AWS SDK's own hold for it, too.

${table(
  ['variable', 'meaning'],
  Object.values(SOURCE_VARIABLES).map(({ env, meaning }) => [`\`${env}\``, meaning]),
)}

## Redis of \`showtell up\`

Where \`REDIS_URL\` is unset, commands use the Redis that \`showtell up\` started in the same working folder
(\`.showtell/services.json\`).
`;
}

const pages = () => ({ 'errors.md': errorsPage(), 'configuration.md': configurationPage() });
module.exports = { pages };

if (require.main === module) for (const [name, text] of Object.entries(pages())) writeFileSync(path.join(__dirname, name), text);
