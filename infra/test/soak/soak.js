// npm run soak -- [--minutes N] [--seed S]: a jest test of its own, whose settings come as variables.
const { spawnSync } = require('node:child_process');
const { randomInt } = require('node:crypto');
const path = require('node:path');
const { parseArgs } = require('node:util');

const HELP = `npm run soak -- [--minutes N] [--seed S]

Runs are enqueued again and again, on a Redis and an S3 server of its own; an ingest worker, three encoders and a trainer work on them,
all real programs. Everything is killed, stopped and continued, and told to stop at random times: workers, their engines, the operator's
own commands, Redis and the S3 server. After each round every sample must be in one row or rejection, features and losses equal to those
that nothing befell, and nothing may be left in the queues. Prints its seed and a line a minute, ends with 0 if all held; otherwise it
leaves its folder, with all logs.

  --minutes N   how long rounds are begun (default 15)
  --seed S      of what befalls whom; when, the machine decides (default: drawn)`;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '15' }, seed: { type: 'string' }, help: { type: 'boolean' } },
});
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
if (values.help) console.log(HELP);
else if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error(`Expected a number of minutes and a whole number as seed but received ${values.minutes} and ${values.seed}`);
  process.exitCode = 2;
} else {
  const root = path.join(__dirname, '..', '..', '..');
  const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const { status } = spawnSync(
    process.execPath,
    [
      jest,
      '--runInBand',
      '--forceExit',
      '--testMatch',
      '**/infra/test/soak/soak.slow.ts',
      '--reporters',
      path.join(__dirname, 'failures.js'),
    ],
    { cwd: root, stdio: 'inherit', env: { ...process.env, SHOWTELL_TEST_SEED: String(seed), SHOWTELL_SOAK_MINUTES: String(minutes) } },
  );
  process.exitCode = status ?? 1;
}
