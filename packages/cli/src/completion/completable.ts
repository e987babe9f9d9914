import type { Command, Option } from 'commander';

export interface CompletableFlag {
  /** `--json`, and its short form. */
  readonly names: readonly string[];
  readonly description: string;
  /** What may follow it; `file` where that is anything. */
  readonly value: 'none' | 'file' | readonly string[];
}

/** A place of the command line, and what may come next there. */
export interface Completable {
  /** `''` behind the program's name, `/worker/encoder` behind `showtell worker encoder`. */
  readonly place: string;
  /** Commands, and values of an argument that is a choice. Where there are none a file may come. */
  readonly words: readonly { readonly name: string; readonly description: string }[];
  readonly flags: readonly CompletableFlag[];
}

/** Every place of a program: what its help shows there. */
export function completables(command: Command, place = ''): Completable[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command).map((child) => ({ name: child.name(), description: firstLine(child.description()) }));
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  const own: Completable = {
    place,
    words: [...commands, ...choices.map((name) => ({ name, description: '' }))],
    flags: [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)].map(flagOf),
  };
  return [own, ...command.commands.flatMap((child) => completables(child, `${place}/${child.name()}`))];
}

function flagOf({ short, long, description, required, optional, argChoices }: Option): CompletableFlag {
  return {
    names: [short, long].filter((name) => name !== undefined),
    description: firstLine(description),
    value: required || optional ? (argChoices ?? 'file') : 'none',
  };
}

const firstLine = (text: string) => text.split('\n')[0]!;
