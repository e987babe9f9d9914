import type { Completable, CompletableFlag } from './completable';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The script that teaches a shell a program. It stands for itself: completing asks neither the program nor a store. */
export function completionScript(shell: Shell, program: string, places: readonly Completable[]): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](program, places);
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const namesOf = (flags: readonly CompletableFlag[]) => flags.flatMap(({ names }) => names);
const patterns = (texts: readonly string[]) => texts.map(quoted).join('|');

/** Of each place and flag with a value, as `place flag`: those with choices, and all others together. */
function valuesOf(places: readonly Completable[]) {
  const pairs = places.flatMap(({ place, flags }) =>
    flags.map((flag) => ({ keys: flag.names.map((name) => `${place} ${name}`), ...flag })),
  );
  return {
    choices: pairs.flatMap(({ keys, value }) => (typeof value === 'string' ? [] : [{ keys, value }])),
    files: pairs.flatMap(({ keys, value }) => (value === 'file' ? keys : [])),
  };
}

const commandPlaces = (places: readonly Completable[]) => places.map(({ place }) => place).filter((place) => place !== '');

function bashScript(program: string, places: readonly Completable[]): string {
  const { choices, files } = valuesOf(places);
  const offer = (words: readonly string[]) => `COMPREPLY=($(compgen -W ${quoted(words.join(' '))} -- "$current"))`;
  return `# ${program} for bash: eval "$(${program} completion bash)"
_${program}() {
  local word at='' current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD - 1]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    case "$at/$word" in
      ${patterns(commandPlaces(places))}) at="$at/$word" ;;
    esac
  done
  COMPREPLY=()
  case "$at $before" in
${choices.map(({ keys, value }) => `    ${patterns(keys)}) ${offer(value)}; return ;;\n`).join('')}    ${patterns(files)}) return ;;
  esac
  case "$at,$current" in
${places
  .map(
    ({ place, flags, words }) =>
      `    ${quoted(place)},-*) ${offer(namesOf(flags))} ;;\n${words.length === 0 ? '' : `    ${quoted(place)},*) ${offer(words.map(({ name }) => name))} ;;\n`}`,
  )
  .join('')}  esac
}
complete -o default -F _${program} ${program}
`;
}

function zshScript(program: string, places: readonly Completable[]): string {
  const { choices, files } = valuesOf(places);
  const described = (entries: readonly { readonly name: string; readonly description: string }[]) =>
    entries.map(({ name, description }) => quoted(`${name}:${description}`)).join(' ');
  return `#compdef ${program}
# ${program} for zsh: eval "$(${program} completion zsh)", behind compinit
_${program}() {
  local word at='' current="\${words[CURRENT]}" before="\${words[CURRENT - 1]}"
  local -a names flags
  for word in "\${(@)words[2, CURRENT - 1]}"; do
    case "$at/$word" in
      (${patterns(commandPlaces(places))}) at="$at/$word" ;;
    esac
  done
  case "$at $before" in
${choices.map(({ keys, value }) => `    (${patterns(keys)}) compadd -- ${value.map(quoted).join(' ')}; return ;;\n`).join('')}    (${patterns(files)}) _files; return ;;
  esac
  case "$at" in
${places
  .map(({ place, flags, words }) => {
    const flagEntries = flags.flatMap(({ names, description }) => names.map((name) => ({ name, description })));
    return `    (${quoted(place)}) names=(${described(words)}); flags=(${described(flagEntries)}) ;;\n`;
  })
  .join('')}  esac
  if [[ "$current" == -* ]]; then _describe -o flag flags
  elif (( \${#names} )); then _describe command names
  else _files
  fi
}
compdef _${program} ${program}
`;
}

function fishScript(program: string, places: readonly Completable[]): string {
  const complete = (place: string, rest: string) => `complete -c ${program} -n "__${program}_at ${quoted(place)}" ${rest}\n`;
  const described = (description: string) => (description === '' ? '' : ` -d ${quoted(description)}`);
  const flag = ({ names, description, value }: CompletableFlag) => {
    const spelled = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');
    const values = value === 'none' ? '' : value === 'file' ? ' -r -F' : ` -x -a ${quoted(value.join(' '))}`;
    return `${spelled}${values}${described(description)}`;
  };
  return `# ${program} for fish: ${program} completion fish > ~/.config/fish/completions/${program}.fish
function __${program}_at
  set -l at ''
  set -l words (commandline -opc)
  set -e words[1]
  for word in $words
    switch "$at/$word"
      case ${commandPlaces(places).map(quoted).join(' ')}
        set at "$at/$word"
    end
  end
  test "$at" = "$argv[1]"
end
${places
  .map(({ place, words, flags }) =>
    [
      ...words.map(({ name, description }) => complete(place, `-f -a ${quoted(name)}${described(description)}`)),
      ...flags.map((one) => complete(place, flag(one))),
    ].join(''),
  )
  .join('')}`;
}
