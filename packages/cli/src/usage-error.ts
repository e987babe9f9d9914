import { ShowtellError } from '@showtell/shared/errors';
import type { Command, CommanderError } from 'commander';

/** What commander says of a command line that it cannot take, as one of our errors, with the command whose help explains it. */
export function usageError(command: Command, { code, message }: CommanderError): ShowtellError {
  const path = pathOf(command);
  const commands = command.commands.map((child) => child.name());
  return new ShowtellError(
    'USAGE',
    code === 'commander.help' ? `Expected a command after ${path}: ${commands.join(', ')}` : reworded(message),
    {
      hint:
        commands.length > 0
          ? `${path} --help lists ${command.parent === null ? 'commands and settings' : 'the commands'}.`
          : `${path} --help tells of its arguments and flags.`,
    },
  );
}

const pathOf = (command: Command): string => (command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`);

const REWORDED: readonly (readonly [RegExp, (...found: string[]) => string])[] = [
  [/^option '(?:-\w, )?(--\S+).*?' argument '(.*)' is invalid\. (.*)$/s, (flag, value, detail) => expected(detail, flag, value)],
  [
    /^command-argument value '(.*)' is invalid for argument '(.*?)'\. (.*)$/s,
    (value, name, detail) => expected(detail, `<${name}>`, value),
  ],
  [/^option '(.*?)' argument missing$/, (flag) => `Expected a value for ${flag} but received none`],
  [/^required option '(.*?)' not specified$/, (flag) => `Expected ${flag} but received none`],
  [/^missing required argument '(.*?)'$/, (name) => `Expected <${name}> but received nothing`],
  [/^too many arguments.*\. Expected (\d+ arguments?) but got (\d+)\.$/, (count, got) => `Expected at most ${count} but received ${got}`],
];

/** `error: unknown command 'encod'` and `(Did you mean encode?)` come on two lines. */
function reworded(message: string): string {
  const words = message.replace(/^error: /, '').replace(/\n\(/, ' (');
  for (const [pattern, say] of REWORDED) {
    const found = pattern.exec(words);
    if (found !== null) return say(...found.slice(1));
  }
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** @param detail `Allowed choices are a, b.`, or a parser's own `Expected …`. */
function expected(detail: string, what: string, value: string): string {
  const words = detail.replace(/^Allowed choices are (.*), (.*?)\.$/s, 'Expected $1 or $2').replace(/\.$/, '');
  return words.includes(' but received ') ? words : `${words} for ${what} but received ${JSON.stringify(value)}`;
}
