import { startBenchProcess } from '../src/bench-process';

/** A program that speaks the protocol, in Node, with `answer` deciding what it says to a request. */
const speaking = (answer: string) =>
  startBenchProcess(
    process.execPath,
    [
      '-e',
      `require('node:readline').createInterface({input: process.stdin}).on('line', (line) => { const request = JSON.parse(line); ${answer} })`,
    ],
    process.env,
  );

describe('an encoder in a process of its own', () => {
  test('answers requests in order and ends when it is let go', async () => {
    const child = speaking('console.log(JSON.stringify({type: "ran", seconds: request.batch * request.repeats}))');
    await expect(child.ask({ type: 'run', batch: 8, repeats: 2 })).resolves.toEqual({ type: 'ran', seconds: 16 });
    await expect(child.ask({ type: 'run', batch: 1, repeats: 3 })).resolves.toEqual({ type: 'ran', seconds: 3 });
    await child.close();
  });

  test('one that dies is told with its last words', async () => {
    const child = speaking('console.error("no module named torch"); process.exit(3)');
    await expect(child.ask({ type: 'features', count: 1 })).rejects.toThrow(
      'it ended with exit code 3; it last said: no module named torch',
    );
    await child.close();
  });

  test('one that cannot be started is told with the reason', async () => {
    const child = startBenchProcess('/no/such/program', [], process.env);
    await expect(child.ask({ type: 'features', count: 1 })).rejects.toThrow(/ENOENT/);
    await child.close();
  });
});
