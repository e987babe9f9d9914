import type { Shutdown } from '@showtell/shared/shutdown';
import { Command, type CommanderError } from 'commander';
import { cancelCommand } from './commands/cancel';
import { captionCommand } from './commands/caption';
import { checkpointsCommand } from './commands/checkpoints';
import { compareCommand } from './commands/compare';
import { completionCommand } from './commands/completion';
import { curvesCommand } from './commands/curves';
import { demoCommand } from './commands/demo';
import { doctorCommand } from './commands/doctor';
import { encodeCommand } from './commands/encode';
import { engineCommand } from './commands/engine';
import { enqueueCommand } from './commands/enqueue';
import { evaluateCommand } from './commands/evaluate';
import { exportCommand } from './commands/export';
import { gcCommand } from './commands/gc';
import { pauseCommand } from './commands/pause';
import { priorityCommand } from './commands/priority';
import { pullCommand } from './commands/pull';
import { resumeCommand } from './commands/resume';
import { retryCommand } from './commands/retry';
import { rmCommand } from './commands/rm';
import { scoreCommand } from './commands/score';
import { showCommand } from './commands/show';
import { statusCommand } from './commands/status';
import { trainCommand } from './commands/train';
import { upCommand } from './commands/up';
import { verifyCommand } from './commands/verify';
import { workerCommand } from './commands/worker';
import { addSettingFlags, isEverydaySetting } from './settings-flags';
import { usageError } from './usage-error';

/** The whole command line. Nothing heavy is loaded before a command's action runs, so that help is instant. */
export function createProgram(shutdown: Shutdown): Command {
  const program: Command = new Command('showtell')
    .description('From a bucket of captioned photos to a deployed captioner')
    .version((require('../package.json') as { version: string }).version, '-V, --version')
    .usage('COMMAND [options]')
    .configureHelp({
      showGlobalOptions: true,
      visibleGlobalOptions: (command) => (command === program ? [] : program.options.filter(isEverydaySetting)),
      styleTitle: (title) => (title === 'Global Options:' ? 'Settings:' : title),
    })
    .configureOutput({ writeErr: () => {} });
  throwing(program);
  addSettingFlags(program);
  const groups: [string, Command[]][] = [
    ['Try it:', [demoCommand(shutdown), doctorCommand(shutdown)]],
    [
      'Encode a dataset:',
      [upCommand(shutdown), enqueueCommand(shutdown), statusCommand(shutdown), showCommand(shutdown), workerCommand(shutdown)],
    ],
    ['Steer a run:', [pauseCommand(shutdown), resumeCommand(shutdown), cancelCommand(shutdown), priorityCommand(shutdown)]],
    ['Mend a run:', [verifyCommand(shutdown), retryCommand(shutdown)]],
    ['Train:', [trainCommand(shutdown), checkpointsCommand(shutdown), curvesCommand(shutdown)]],
    ['Judge it:', [evaluateCommand(shutdown), compareCommand(shutdown), scoreCommand(shutdown)]],
    [
      'Use it:',
      [pullCommand(shutdown), captionCommand(shutdown), encodeCommand(shutdown), exportCommand(shutdown), engineCommand(shutdown)],
    ],
    ['Tidy up:', [gcCommand(shutdown), rmCommand(shutdown)]],
  ];
  for (const [heading, commands] of groups) {
    program.commandsGroup(heading);
    for (const command of commands) program.addCommand(inheriting(command, program));
  }
  program.commandsGroup('Help:').helpCommand('help [command]', 'help for a command');
  program.addCommand(inheriting(completionCommand(), program));
  program.addHelpText(
    'after',
    `
Examples:
  $ showtell demo
  $ showtell enqueue s3://photos/coco --store s3://results/showtell --train seed --wait
`,
  );
  return program;
}

/** Commander hands settings down only to commands that it makes itself. */
function inheriting(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  throwing(command);
  for (const child of command.commands) inheriting(child, command);
  return command;
}

/** Commander ends no process here: what it was given wrongly is one of our errors, that help was printed its own. */
function throwing(command: Command): void {
  command.exitOverride((end: CommanderError) => {
    throw end.exitCode === 0 ? end : usageError(command, end);
  });
}
