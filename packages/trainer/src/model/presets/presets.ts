import { ShowtellError } from '@showtell/shared/errors';
import { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import type { Preset } from './preset';
import { seed } from './seed';

/** Every preset by its name. A new one is a file beside `seed.ts` and a word here. */
export const PRESETS: Readonly<Record<string, Preset>> = { seed };

/** Throws `NOT_FOUND`, listing the presets there are. */
export function findPreset(name: string): Preset {
  const preset = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  if (preset) return preset;
  throw new ShowtellError('NOT_FOUND', `No preset ${JSON.stringify(name)}; there are: ${Object.keys(PRESETS).join(', ')}`);
}

/** A preset's hyper-parameters with some of them replaced; `CONFIG_INVALID` tells all that are wrong. */
export function hyperparametersOf(preset: string, overrides: Partial<Hyperparameters> = {}): Hyperparameters {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  const parsed = Hyperparameters.safeParse({ ...findPreset(preset).hyperparameters, ...given });
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) =>
    issue.code === 'unrecognized_keys' ? `there is no ${issue.keys.join(', ')}` : `${issue.path.join('.')}: ${issue.message}`,
  );
  throw new ShowtellError('CONFIG_INVALID', `Hyper-parameters of preset ${preset}: ${problems.join('; ')}`, {
    hint: `There are: ${Object.keys(Hyperparameters.shape).join(', ')}.`,
  });
}
