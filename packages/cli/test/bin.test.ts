import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const PROGRAM = join(__dirname, '..', 'bin', 'showtell.js');

/** What the program has set once its modules are loaded. */
function threads(env: NodeJS.ProcessEnv): string {
  const program = `process.argv = [process.execPath, 'showtell', '--version']; require(${JSON.stringify(PROGRAM)}); console.log('threads', process.env.UV_THREADPOOL_SIZE)`;
  return /^threads (.*)$/m.exec(execFileSync(process.execPath, ['-e', program], { env, encoding: 'utf8' }))![1]!;
}

test('photos are decoded on as many threads as there are cores, unless the environment says how many', () => {
  const { UV_THREADPOOL_SIZE: _, ...env } = process.env;
  expect(threads(env)).toBe(String(Math.max(4, availableParallelism())));
  expect(threads({ ...env, UV_THREADPOOL_SIZE: '3' })).toBe('3');
});
