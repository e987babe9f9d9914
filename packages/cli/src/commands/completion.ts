import { Argument, Command } from 'commander';
import { completables } from '../completion/completable';
import { completionScript, SHELLS, type Shell } from '../completion/scripts';

export function completionCommand(): Command {
  return new Command('completion')
    .description('Print what teaches a shell to complete commands, flags and their values')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  $ echo 'eval "$(showtell completion bash)"' >> ~/.bashrc
  $ echo 'eval "$(showtell completion zsh)"' >> ~/.zshrc      (behind compinit)
  $ showtell completion fish > ~/.config/fish/completions/showtell.fish
`,
    )
    .action((shell: Shell, _flags: object, command: Command) => {
      const program = command.parent!;
      process.stdout.write(completionScript(shell, program.name(), completables(program)));
    });
}
