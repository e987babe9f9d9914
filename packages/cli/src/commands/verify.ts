import type { Shutdown } from '@showtell/shared/shutdown';
import { Command } from 'commander';

export interface VerifyFlags {
  readonly quick?: boolean;
  readonly repair?: boolean;
  readonly wait?: boolean;
  readonly json?: boolean;
}

export function verifyCommand(shutdown: Shutdown): Command {
  return new Command('verify')
    .description('Check every object and every row of a run, and have damaged shards encoded again; exit code 6 when there is damage')
    .argument('<run>', "the run's name")
    .option('--quick', 'ask only whether objects are there, and of what size')
    .option('--repair', 'take the commit records of damaged shards away and add jobs for them; what cannot be mended is said')
    .option('--wait', 'with --repair: stay until the run is complete again')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExamples:\n  $ showtell verify coco-val-1a2b3c4d\n  $ showtell verify coco-val-1a2b3c4d --repair --wait\n')
    .action(async (run: string, flags: VerifyFlags, command: Command) => {
      const [{ openContext }, { showVerification }] = await Promise.all([
        import('../context.js'),
        import('../verify/show-verification.js'),
      ]);
      await showVerification(openContext(command, shutdown), run, flags);
    });
}
