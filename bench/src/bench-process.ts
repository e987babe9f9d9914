import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type BenchRequest, parseReply, type ReplyOf } from './protocol';

const STDERR_KEPT = 4_000;
const CLOSE_MS = 5_000;

/** An encoder under test, in a process of its own, so that its memory and threads are its own. */
export interface BenchProcess {
  readonly pid: number;
  /** One at a time. @throws Error with what the process said, or how it ended. */
  ask<T extends BenchRequest['type']>(request: BenchRequest & { readonly type: T }): Promise<ReplyOf[T]>;
  close(): Promise<void>;
}

export function startBenchProcess(command: string, args: readonly string[], env: NodeJS.ProcessEnv): BenchProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-STDERR_KEPT)));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  // A request that cannot be written is answered by the end of stdout.
  child.stdin.on('error', () => {});
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ? `it was killed by ${signal}` : `it ended with exit code ${code}`));
  });
  return {
    pid: child.pid ?? 0,
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error(`${await ended}${lastLine(said)}`);
      return parseReply(request.type, value);
    },
    close: () => close(child, ended),
  };
}

async function close(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.stdin!.end();
  const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS);
  await ended;
  clearTimeout(timer);
}

function lastLine(text: string): string {
  const line = text.trim().split('\n').at(-1);
  return line ? `; it last said: ${line}` : '';
}
