import { ShowtellError } from '@showtell/shared/errors';
import { Hyperparameters } from '@showtell/shared/schema/checkpoint';
import type { z } from 'zod';
import { everyInput } from './every-input';
import type { Preset } from './preset';
import { seed } from './seed';
import { selfCritical } from './self-critical';
import { showAndTell } from './show-and-tell';

/** Every preset by its name. A new one is a file beside `seed.ts` and a word here. */
export const PRESETS: Readonly<Record<string, Preset>> = Object.fromEntries(
  [seed, showAndTell, everyInput, selfCritical].map((preset) => [preset.name, preset]),
);

/** Throws `NOT_FOUND`, listing the presets there are. */
export function findPreset(name: string): Preset {
  const preset = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  if (preset) return preset;
  throw new ShowtellError('NOT_FOUND', `No preset ${JSON.stringify(name)}; there are: ${Object.keys(PRESETS).join(', ')}`);
}

/** A preset's hyper-parameters with some of them replaced; `CONFIG_INVALID` tells all that are wrong. */
export function hyperparametersOf(preset: string, overrides: Readonly<Record<string, unknown>> = {}): Hyperparameters {
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  const asked = { ...findPreset(preset).hyperparameters, ...given };
  const parsed = Hyperparameters.safeParse(asked);
  const problems = parsed.success ? conflictsOf(parsed.data) : parsed.error.issues.map((issue) => problemOf(issue, asked));
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new ShowtellError('CONFIG_INVALID', `Hyper-parameters of preset ${preset}:\n${problems.map((line) => `  ${line}`).join('\n')}`, {
    hint: `There are: ${Object.keys(Hyperparameters.shape).join(', ')}.`,
  });
}

/** Settings that exclude each other: captions of its own have no words to smooth or to replace. */
function conflictsOf({ objective, baseline, samples, labelSmoothing, scheduledSampling }: Hyperparameters): string[] {
  if (objective === 'cross-entropy') return [];
  const wanted = `with objective self-critical`;
  return [
    ...(labelSmoothing > 0 ? [`Expected 0 for labelSmoothing ${wanted} but received ${labelSmoothing}`] : []),
    ...(scheduledSampling > 0 ? [`Expected 0 for scheduledSampling ${wanted} but received ${scheduledSampling}`] : []),
    ...(baseline === 'mean' && samples < 2 ? [`Expected at least 2 for samples ${wanted} and baseline mean but received ${samples}`] : []),
  ];
}

function problemOf(issue: z.core.$ZodIssue, asked: Readonly<Record<string, unknown>>): string {
  if (issue.code === 'unrecognized_keys') return `There is no ${issue.keys.join(', ')}`;
  const name = issue.path.join('.');
  return `Expected ${expectedBy(issue)} for ${name} but received ${JSON.stringify(asked[name])}`;
}

function expectedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_value':
      return issue.values.map(String).join(' or ');
    case 'invalid_type':
      return { int: 'a whole number', number: 'a number', boolean: 'true or false' }[issue.expected as string] ?? `a ${issue.expected}`;
    case 'too_small':
      return `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      return `${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
    default:
      return issue.message;
  }
}
