import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { concurrently } from '@showtell/shared/concurrently';
import { ERROR_CODES, type ErrorCode } from '@showtell/shared/errors';
import { describeS3 } from '../../packages/shared/test/describe-s3';
import type { BadInput } from './bad-input/bad-input';
import { DEPLOYER } from './bad-input/deployer';
import { OPERATOR } from './bad-input/operator';
import { type Answered, badInputPage } from './bad-input/page';
import { openPlace, type Place } from './bad-input/place';
import { RESEARCHER } from './bad-input/researcher';
import { describeRedis } from './redis-server';

const PAGE = join(__dirname, '..', '..', 'docs', 'bad-input.md');
const INPUTS = [...OPERATOR, ...RESEARCHER, ...DEPLOYER];
/** Programs at once. */
const AT_ONCE = 4;
/** A run of `npm run docs:bad-input` takes less than a minute. */
const DEADLINE = 600_000;

describeS3('bad input', () => {
  describeRedis('with a Redis', () => {
    let place: Place;
    const answered: Answered[] = [];
    beforeAll(async () => {
      place = await openPlace();
      await concurrently(INPUTS, AT_ONCE, async (input, index) => {
        answered[index] = await tell(place, input);
      });
    }, DEADLINE);
    afterAll(() => place.close());

    test('every answer is of a known code, ends with its exit code, and shows neither a stack nor a secret', () => {
      for (const { args, exit, says } of answered) {
        const line = args.join(' ');
        const [, code] = /^([A-Z_]+): ./.exec(says) ?? [];
        expect({ line, says, known: Object.hasOwn(ERROR_CODES, code ?? '') }).toMatchObject({ known: true });
        expect({ line, says, exit }).toMatchObject({ exit: ERROR_CODES[code as ErrorCode].exit });
        expect({ line, code }).not.toMatchObject({ code: 'BUG' });
        expect(says).not.toMatch(/^\s+at .*:\d+:\d+/m);
        for (const secret of place.secrets) expect(says).not.toContain(secret);
      }
    });

    test('docs/bad-input.md is what the program says (it has been written anew where it was not)', () => {
      const page = badInputPage(answered);
      const before = readFileSync(PAGE, { encoding: 'utf8', flag: 'a+' });
      if (page !== before) writeFileSync(PAGE, page);
      expect(before).toBe(page);
    });
  });
});

async function tell(place: Place, input: BadInput): Promise<Answered> {
  const { code: exit, stderr } = await place.run(input);
  const lines = place.settled(stderr).split('\n');
  const first = lines.findIndex((line) => /^[A-Z_]+: /.test(line));
  const settled = (text: string) =>
    text.replaceAll('{host}', '127.0.0.1:6379').replaceAll('{nobody}', '127.0.0.1:6380').replaceAll('{bucket}', 'results');
  const env = Object.entries(input.env ?? {}).map(([name, value]) => [
    name,
    value && settled(value.replaceAll('{redis}', 'redis://:password@127.0.0.1:6379')),
  ]);
  return { ...input, args: input.args.map(settled), env: Object.fromEntries(env), exit, says: lines.slice(Math.max(first, 0)).join('\n') };
}
