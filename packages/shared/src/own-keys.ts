import { ShowtellError } from './errors';
import { keys } from './keys';
import { isName } from './names';
import type { ManifestRecord } from './schema/manifest';
import type { CommitRecord } from './schema/shard';

/**
 * Records name objects by keys that follow from what else they say. One that names another was not written by Showtell: whoever believed
 * it would read, or show as its own, whatever lies there.
 * @throws ShowtellError `CORRUPT_OBJECT`
 */
function expectKey(run: string, where: string, expected: string, received: string): void {
  if (received !== expected)
    throw new ShowtellError('CORRUPT_OBJECT', `Expected ${where} to name ${expected} but received ${received}`, {
      retryable: false,
      hint: `showtell verify ${run} tells what is damaged, and with --repair mends it.`,
    });
}

/** @param shard by which the record was found. Throws as `expectKey`. */
export function checkCommitKey({ key, sha256 }: Pick<CommitRecord, 'key' | 'sha256'>, run: string, shard: number): void {
  expectKey(run, keys.commit(run, shard), keys.shard(run, shard, sha256), key);
}

/** @param where the manifest's own key. Throws as `expectKey`. */
export function checkManifestKeys({ run, number, shards, captions, report }: ManifestRecord, where: string): void {
  expectKey(run, `the manifest ${where}`, where, keys.manifest(run, number));
  for (const shard of shards) {
    const owner = shard.run ?? run;
    expectKey(run, where, isName(owner) ? keys.shard(owner, shard.shard, shard.sha256) : 'a shard of a run', shard.key);
  }
  for (const { split, sha256, key } of captions) expectKey(run, where, keys.captions(run, split, sha256), key);
  if (report !== undefined) expectKey(run, where, keys.report(run, number, report.sha256), report.key);
}
