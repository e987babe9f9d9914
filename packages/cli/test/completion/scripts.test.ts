import { spawnSync } from 'node:child_process';
import { Argument, Command, Option } from 'commander';
import { completables } from '../../src/completion/completable';
import { completionScript, type Shell } from '../../src/completion/scripts';

const program = new Command('tool')
  .option('--store <value>', "where it's kept")
  .addCommand(
    new Command('export')
      .description("Write a run's features: all of them")
      .argument('<run>')
      .option('--out <file>', 'new file')
      .addOption(new Option('--format <name>', 'of the file').choices(['arrow', 'npy']))
      .option('-q, --quiet', 'say nothing')
      .addOption(new Option('--secret').hideHelp()),
  )
  .addCommand(new Command('worker').addCommand(new Command('ingest').option('--once')).addCommand(new Command('encoder').option('--spin')))
  .addCommand(new Command('completion').addArgument(new Argument('<shell>').choices(['bash', 'zsh'])));
const places = completables(program);

test('every place has what its help shows', () => {
  expect(places.map(({ place }) => place)).toEqual(['', '/export', '/worker', '/worker/ingest', '/worker/encoder', '/completion']);
  expect(places[0]!.words.map(({ name }) => name)).toEqual(['export', 'worker', 'completion', 'help']);
  expect(places[1]).toEqual({
    place: '/export',
    words: [],
    flags: [
      { names: ['--out'], description: 'new file', value: 'file' },
      { names: ['--format'], description: 'of the file', value: ['arrow', 'npy'] },
      { names: ['-q', '--quiet'], description: 'say nothing', value: 'none' },
      { names: ['-h', '--help'], description: 'display help for command', value: 'none' },
    ],
  });
});

/** What each shell offers behind these words, the last of which is being written; `FILES` where it offers files. */
const ASK: Readonly<Record<Shell, (script: string, words: readonly string[]) => string[]>> = {
  bash: (script, words) => [
    '-c',
    `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tool; printf '%s\\n' "\${COMPREPLY[@]-}"`,
    'bash',
    ...words,
  ],
  // Its own completion needs a terminal, so what the script calls of it prints what it was given.
  zsh: (script, words) => [
    '-fc',
    `compdef() {}; compadd() { shift; print -l -- "$@" }; _files() { : }
_describe() { local list=\${@[-1]} one; for one in "\${(@P)list}"; do [[ $one == \${words[CURRENT]}* ]] && print -r -- "\${one%%:*}"; done }
${script}\nwords=("$@"); CURRENT=$#; _tool; true`,
    'zsh',
    ...words,
  ],
  fish: (script, words) => ['-N', '-c', `${script}\ncomplete -C '${words.join(' ')}' | string replace -r '\\t.*' ''`],
};

const CASES: [string, readonly string[], readonly string[]][] = [
  ['commands', [''], ['completion', 'export', 'help', 'worker']],
  ['a command that is begun', ['wor'], ['worker']],
  ['commands of a command', ['worker', ''], ['encoder', 'help', 'ingest']],
  ['flags', ['export', '--'], ['--format', '--help', '--out', '--quiet']],
  ['flags of a command of a command', ['worker', 'encoder', '--s'], ['--spin']],
  ['flags behind an argument that is called like a command', ['export', 'worker', '--f'], ['--format']],
  ['values of a flag', ['export', '--format', ''], ['arrow', 'npy']],
  ['values of an argument', ['completion', ''], ['bash', 'zsh']],
];

describe.each(['bash', 'zsh', 'fish'] as const)('%s', (shell) => {
  const there = spawnSync(shell, ['-c', 'true']).status === 0;
  const script = completionScript(shell, 'tool', places);

  (there ? describe : describe.skip)(there ? 'offers' : `(skipped: there is no ${shell} on the PATH)`, () => {
    test.each(CASES)('%s', (_what, words, expected) => {
      const { stdout, stderr } = spawnSync(shell, ASK[shell](script, ['tool', ...words]), { encoding: 'utf8' });
      expect(stderr).toBe('');
      expect(stdout.trim().split('\n').toSorted()).toEqual(expected);
    });
  });

  test('quotes what it says', () => {
    expect(script).not.toContain("it's kept'");
    expect(script).not.toContain('--secret');
  });
});
