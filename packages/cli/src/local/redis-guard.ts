import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';

/**
 * Entry point of the process that keeps a local Redis: `redis-guard.js PROGRAM PORT FOLDER`, started with an IPC channel and the
 * password of the server in SHOWTELL_GUARDED_PASSWORD, which only its owner can see.
 * When the channel closes, also because the parent was killed, it stops the server and removes the folder.
 */
const [program, port, folder] = process.argv.slice(2) as [string, string, string];
const password = process.env['SHOWTELL_GUARDED_PASSWORD'] ?? '';
const STOP_MILLISECONDS = 5_000;
const POLL_MILLISECONDS = 25;

// Not on the command line: the file also keeps the settings apart from what a distribution's own configuration says.
// `hash-max-ziplist-value` is the name that Redis 6.2, 7, 8 and Valkey all know.
writeFileSync(
  join(folder, 'redis.conf'),
  [
    'bind 127.0.0.1',
    `port ${port}`,
    // Whoever shares the machine can reach the port, and servers before Redis 7 write any file, and load any code, for who may command them.
    `requirepass ${password}`,
    `dir "${folder}"`,
    'save ""',
    'appendonly yes',
    'maxmemory-policy noeviction',
    'hash-max-ziplist-value 256',
    'loglevel warning',
  ].join('\n'),
  { mode: 0o600, flag: 'wx' },
);
const server = spawn(program, [join(folder, 'redis.conf')], { stdio: ['ignore', 'pipe', 'pipe'] });
let output = '';
for (const stream of [server.stdout, server.stderr])
  stream.on('data', (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-2_000);
  });

let ending = false;
function end(): void {
  if (ending) return;
  ending = true;
  server.kill('SIGTERM');
  setTimeout(() => server.kill('SIGKILL'), STOP_MILLISECONDS).unref();
}
process.on('disconnect', end);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);

function leave(complaint: string): void {
  rmSync(folder, { recursive: true, force: true });
  if (process.connected && !ending) process.send?.({ failed: complaint }, () => process.exit(1));
  else process.exit(0);
}
server.once('error', (error) => leave(error.message));
server.once('close', () => leave(output.trim().split('\n').at(-1) ?? ''));

function announceWhenReady(): void {
  if (ending || server.exitCode !== null) return;
  const socket = connect(Number(port), '127.0.0.1', () => socket.write(`AUTH ${password}\r\nPING\r\n`));
  const retry = () => {
    socket.destroy();
    setTimeout(announceWhenReady, POLL_MILLISECONDS);
  };
  socket.once('error', retry);
  let answers = '';
  socket.on('data', (answer) => {
    answers += answer.toString();
    // Two lines, one for each command; anything else is `-LOADING`: it listens but reads its files first.
    if (answers.split('\r\n').length < 3) return;
    if (answers !== '+OK\r\n+PONG\r\n') return retry();
    socket.destroy();
    process.send?.({ ready: true });
  });
}
announceWhenReady();
