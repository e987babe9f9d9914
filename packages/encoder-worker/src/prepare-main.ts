import { openSource } from '@showtell/shared/source/open';
import { type PreparedRow, prepareRows } from '@showtell/shared/source/prepare-rows';
import { toWire } from './engine-messages';
import type { PrepareReply, PrepareRequest } from './prepare-messages';

/** The process that prepares photos which are suspected to kill whoever prepares them; started by `prepareIsolated`. */
async function answer({ source: address, rows, downloads, side }: PrepareRequest): Promise<PrepareReply> {
  const source = openSource(address);
  try {
    const prepared: PreparedRow[] = [];
    for await (const row of prepareRows(source, rows, { concurrency: downloads, side })) prepared.push(row);
    return { type: 'prepared', rows: prepared };
  } catch (error) {
    return { type: 'failed', error: toWire(error) };
  } finally {
    await source.close();
  }
}

const send = (reply: PrepareReply) => process.send!(reply);

process.once('message', (request: PrepareRequest) => void answer(request).then(send));
process.on('disconnect', () => process.exit(0));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
send({ type: 'ready' });
