import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Shutdown } from '@showtell/shared/shutdown';
import { PRESETS } from '@showtell/trainer/model/presets/presets';
import { createProgram } from '../src/program';
import { expectOneMessage, runProgram } from './run-program';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'showtell-program-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const USAGE: [string, string[], RegExp][] = [
  ['a command that does not exist', ['enqeue', 'x'], /Unknown command 'enqeue' \(Did you mean enqueue\?\)/],
  ['a flag that does not exist', ['status', '--jsno'], /Unknown option '--jsno' \(Did you mean --json\?\)/],
  ['a setting that does not exist', ['status', '--stor', 'x'], /Unknown option '--stor' \(Did you mean --store\?\)/],
  ['a missing argument', ['enqueue'], /Expected <source> but received nothing/],
  ['an argument too many', ['status', 'one', 'two'], /Expected at most 1 argument but received 2/],
  ['a missing flag', ['caption', 'photo.jpg'], /--model <model>/],
  ['a command without its service', ['worker'], /Expected a command after showtell worker: ingest, encoder, trainer/],
  ['a number out of range', ['up', '--encoders', '0'], /Expected a whole number from 1 to 64 for --encoders but received "0"/],
  [
    'a choice that is none',
    ['worker', 'encoder', '--precision', 'float31'],
    /Expected float32, float16 or int8 for --precision but received "float31"/,
  ],
  ['a hyper-parameter without a value', ['train', 'run', '--set', 'units'], /Expected NAME=VALUE/],
  [
    'a share that is none',
    ['caption', 'a.jpg', '--model', 'm', '--samples', '2', '--top-p', '1.5'],
    /Expected a number above 0, at most 1/,
  ],
  ['samples of a search', ['caption', 'a.jpg', '--model', 'm', '--samples', '2', '--beam', '3'], /Expected no beam with samples/],
  ['a seed of nothing', ['caption', 'a.jpg', '--model', 'm', '--seed', '2'], /Expected samples with seed but received none/],
];

test.each(USAGE)('%s: exit code 2 and one message', async (_what, args, message) => {
  const { code, stdout, stderr } = await runProgram(args, { cwd });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expectOneMessage(stderr, 'USAGE');
  expect(stderr).toMatch(message);
});

test('wrong settings are told all at once, without a value that may be a secret', async () => {
  const { code, stderr } = await runProgram(['status', '--redis', 'http://user:hunter2@host', '--lock-seconds', '0'], { cwd });
  expect(code).toBe(2);
  expectOneMessage(stderr, 'CONFIG_INVALID');
  expect(stderr).toContain('--redis');
  expect(stderr).toContain('--lock-seconds');
  expect(stderr).not.toContain('hunter2');
});

test('settings stand before or after the command, and in a file that is named', async () => {
  writeFileSync(join(cwd, 'other.json'), '{"lockSeconds": "soon"}');
  for (const args of [
    ['--config', 'other.json', 'status'],
    ['status', '--config', 'other.json'],
  ]) {
    const { code, stderr } = await runProgram(args, { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain('"lockSeconds"');
  }
});

test('without a command it prints its help', async () => {
  const { code, stdout, stderr } = await runProgram([], { cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: showtell COMMAND/);
  for (const setting of ['--store', 'REDIS_URL', 'SHOWTELL_LOCK_SECONDS']) expect(stdout).toContain(setting);
});

test('--version is that of the package', async () => {
  const { version } = require('../package.json') as { version: string };
  expect(await runProgram(['--version'], { cwd })).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test('every command has help with an example and the settings that matter most', () => {
  const program = createProgram(new Shutdown());
  const leaves = program.commands.flatMap((command) => (command.commands.length > 0 ? command.commands : [command]));
  expect(leaves.map((command) => command.name()).sort()).toEqual(
    [
      'cancel caption checkpoints compare completion curves demo doctor encode encoder enqueue evaluate export gc ingest install pause',
      'priority pull resume retry rm score show status train trainer up verify',
    ]
      .join(' ')
      .split(' '),
  );
  for (const command of leaves) {
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    expect(help).toMatch(/Examples?:\n {2}\$ .*showtell /);
    expect(help).toContain('--store <value>');
  }
});

test('help of train lists presets with their descriptions, and hyper-parameters', () => {
  const train = createProgram(new Shutdown()).commands.find((command) => command.name() === 'train')!;
  let help = '';
  train.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
  const [, presets, names] = /\nPresets:\n([^]*)\n\nHyper-parameters \(--set\):\n([^]*)$/.exec(help)!;
  for (const { name, description } of Object.values(PRESETS)) expect(presets!.replaceAll(/\s+/g, ' ')).toContain(`${name} ${description}`);
  expect(names!.trim().split(/,\s+/)).toEqual(Object.keys(PRESETS['seed']!.hyperparameters));
  for (const line of `${presets}\n${names}`.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});
