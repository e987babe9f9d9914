import { PassThrough } from 'node:stream';
import { startProgress } from '../../src/output/progress';

function record(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 100 });
  let text = '';
  stream.on('data', (data: Buffer) => (text += data.toString()));
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => text };
}

test('off a terminal a quick piece of work is one line, at its end', () => {
  const { stream, text } = record(false);
  const progress = startProgress('Encoding', 2_000, { stream });
  progress.update(500, 'slow');
  progress.update(2_000, '17.3 images/s');
  progress.update(2_000, 'again');
  progress.end();
  expect(text()).toBe('  Encoding 2,000/2,000 (100 %)  17.3 images/s\n');
});

test('on a terminal it is a bar with the latest counts and note', () => {
  const { stream, text } = record(true);
  const progress = startProgress('Encoding', 10, { stream });
  progress.update(4, '3 images/s');
  progress.end();
  progress.end();
  expect(text()).toContain('40 %  4/10  3 images/s');
});
