import { CONFIG_FILE, kebab, readSettings, SECRET_SETTINGS, SETTINGS, type SettingFlags, type Settings } from '@showtell/shared/config';
import { type Command, Option } from 'commander';

/** Settings that the help of every command shows; the others stand in the program's own help. */
const EVERYDAY = new Set(['store', 'redis', 's3Endpoint']);

/** Adds one flag for each setting to the program; commander finds them before and after the command's name. */
export function addSettingFlags(program: Command): void {
  for (const [name, { env, schema, meaning }] of Object.entries(SETTINGS)) {
    const flag = typeof schema.safeParse(undefined).data === 'boolean' ? `--${kebab(name)}` : `--${kebab(name)} <value>`;
    program.addOption(new Option(flag, `${meaning} [${env}]`).helpGroup('Settings:'));
  }
  program.addOption(new Option('--config <file>', `settings file, instead of ${CONFIG_FILE} in the working folder`).helpGroup('Settings:'));
}

/** The flags of `addSettingFlags` that a command's help shows. */
export const isEverydaySetting = (option: Option) => EVERYDAY.has(option.attributeName());

/** The settings for a command: flags, then environment, then the settings file. Throws `CONFIG_INVALID`. */
export function settingsOf(command: Command): Settings {
  const options = command.optsWithGlobals<SettingFlags & { config?: string }>();
  const flags = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, options[name as keyof SettingFlags]]));
  return readSettings({ flags, commandLine: true, configFile: options.config });
}

/** Environment that gives a child process these settings. Flags would show passwords in the list of processes. */
export function settingsEnvironment(settings: Settings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(SETTINGS).flatMap(([name, { env }]) => {
      const value = settings[name as keyof Settings];
      if (value === undefined) return [];
      // What the variable's file says stands in the setting already.
      return [[env, String(value)], ...(SECRET_SETTINGS.includes(name as keyof Settings) ? [[`${env}_FILE`, '']] : [])];
    }),
  );
}
