import { openStore } from '@showtell/shared/object-store/open';
import { readDirectory } from '@showtell/shared/zip/directory';
import { runBench } from './bench-program';

/** What reading one directory took, in a process of its own; printed as JSON. */
export interface DirectoryFigures {
  readonly entries: number;
  readonly seconds: number;
  /** Of this process before and at most while it read. */
  readonly beforeMB: number;
  readonly peakMB: number;
}

runBench(async () => {
  const [url = '', endpoint = '', key = ''] = process.argv.slice(2);
  const store = openStore(url, { endpoint: endpoint === '' ? undefined : endpoint });
  const archive = (await store.head(key))!;
  const beforeMB = process.memoryUsage().rss / 1e6;
  const startedAt = performance.now();
  let entries = 0;
  for await (const _entry of readDirectory(store, archive)) entries++;
  const seconds = (performance.now() - startedAt) / 1_000;
  const peakMB = (process.resourceUsage().maxRSS * 1_024) / 1e6;
  process.stdout.write(JSON.stringify({ entries, seconds, beforeMB, peakMB } satisfies DirectoryFigures));
  await store.close();
});
