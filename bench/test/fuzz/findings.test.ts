import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isShowtellError } from '@showtell/shared/errors';
import { arrowTarget } from '../../src/fuzz/arrow-target';
import type { FuzzTarget } from '../../src/fuzz/fuzz-target';
import { safetensorsTarget } from '../../src/fuzz/safetensors-target';
import { zipTarget } from '../../src/fuzz/zip-target';

const FOLDER = join(__dirname, 'findings');
const TARGETS: Readonly<Record<string, FuzzTarget>> = { arrow: arrowTarget, safetensors: safetensorsTarget, zip: zipTarget };

async function verdictOf(target: FuzzTarget, input: Buffer): Promise<string> {
  try {
    return await target.check(input);
  } catch (error) {
    if (isShowtellError(error) && error.code !== 'BUG') return 'refused';
    throw error;
  }
}

test.each(readdirSync(FOLDER))('%s, which fuzzing found, is read or refused', async (name) => {
  const target = TARGETS[name.split('-')[0]!]!;
  expect(['accepted', 'refused']).toContain(await verdictOf(target, readFileSync(join(FOLDER, name))));
});

test.each(Object.keys(TARGETS))('every seed of %s is a file that is read', async (name) => {
  for (const seed of await TARGETS[name]!.seeds()) expect(await verdictOf(TARGETS[name]!, seed)).toBe('accepted');
});
