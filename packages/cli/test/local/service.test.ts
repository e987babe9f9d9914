import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Service, type ServiceOptions } from '../../src/local/service';
import { until } from '../until';

let cwd: string;
let lines: string[];
let events: string[];
let hopeless: string[];
let service: Service | undefined;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'showtell-service-'));
  [lines, events, hopeless] = [[], [], []];
});
afterEach(async () => {
  await service?.stop();
  rmSync(cwd, { recursive: true, force: true });
});

function start(script: string, options: Partial<ServiceOptions> = {}): Service {
  const program = join(cwd, 'program.js');
  writeFileSync(program, script);
  service = new Service({
    name: 'thing',
    program,
    args: ['one'],
    cwd,
    env: process.env,
    stopSeconds: 5,
    onLine: (_name, line) => lines.push(line),
    onEvent: (message) => events.push(message),
    onHopeless: (message) => hopeless.push(message),
    ...options,
  });
  return service;
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const RUNS = `setInterval(() => {}, 1_000); console.log(process.argv[2], process.pid);`;

test('its lines are handed on, and a stopped one is gone', async () => {
  const running = start(RUNS);
  await until(() => lines.length === 1);
  expect(lines).toEqual([`one ${running.pid}`]);
  await running.stop();
  expect(isAlive(running.pid!)).toBe(false);
  expect(events).toEqual([]);
});

test('one that was killed starts again', async () => {
  const running = start(RUNS);
  await until(() => lines.length === 1);
  process.kill(running.pid!, 'SIGKILL');
  await until(() => lines.length === 2);
  expect(events).toEqual(['thing was ended by SIGKILL; it starts again in 1 s']);
  expect(lines[1]).toBe(`one ${running.pid}`);
});

test('one that keeps ending starts again later and later', async () => {
  start('process.exit(4);');
  await until(() => events.length === 2);
  expect(events).toEqual(['thing ended with exit code 4; it starts again in 1 s', 'thing ended with exit code 4; it starts again in 2 s']);
});

test('one whose settings are wrong does not start again', async () => {
  start(`console.error('no such flag'); process.exitCode = 2;`);
  await until(() => hopeless.length === 1);
  expect(hopeless).toEqual(['thing ended with exit code 2: no such flag']);
  expect(events).toEqual([]);
});

test('one that does not stop is killed, with what it has started', async () => {
  const running = start(
    `process.on('SIGTERM', () => {}); const child = require('node:child_process').spawn('sleep', ['60']); ${RUNS} console.log(child.pid);`,
    { stopSeconds: 0.2 },
  );
  await until(() => lines.length === 2);
  await running.stop();
  expect(isAlive(running.pid!)).toBe(false);
  await until(() => !isAlive(Number(lines[1])));
  expect(events).toEqual([]);
});

test('what one left behind at its end is killed', async () => {
  start(
    `console.log(require('node:child_process').spawn('sleep', ['60'], { stdio: 'ignore' }).pid); setTimeout(() => process.exit(1), 100);`,
  );
  await until(() => events.length === 1);
  await until(() => !isAlive(Number(lines[0])));
  expect(events[0]).toContain('exit code 1');
});
