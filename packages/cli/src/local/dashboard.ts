import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { PRECISIONS } from '@showtell/encoder-worker/encoder/engines/engine';
import { ShowtellError } from '@showtell/shared/errors';
import type { Queues } from '@showtell/shared/queue/queues';
import express from 'express';

export interface Dashboard {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the queues on a loopback port; `port` 0 takes a free one.
 * It only shows: jobs are changed with the program's verbs, which know the store, and any page in a browser can call a loopback port.
 */
export async function startDashboard(queues: Queues, port = 0): Promise<Dashboard> {
  const adapter = new ExpressAdapter();
  const all = [queues.ingest, ...PRECISIONS.map((precision) => queues.encode(precision)), queues.finalize, queues.train];
  createBullBoard({
    queues: all.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true, description: DESCRIPTIONS[queue.name] ?? '' })),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'Showtell', hideRedisDetails: true } },
  });
  const app = express()
    .disable('x-powered-by')
    .use((request, response, next) => {
      // A page whose name was made to lead to this machine reads what a browser takes for its own.
      if (!HOSTS.has(request.hostname)) {
        response
          .status(403)
          .type('text')
          .send(`Expected the dashboard to be asked for by ${[...HOSTS].join(' or ')}\n`);
        return;
      }
      // The page asks a font service of another company for its letters; it does without them.
      response.setHeader('Content-Security-Policy', POLICY);
      next();
    });
  const server = app.use(adapter.getRouter()).listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new ShowtellError('CONFIG_INVALID', `The dashboard cannot listen on port ${port}: ${(cause as Error).message}`, {
      cause,
      hint: 'Name another port with --port, or 0 for a free one.',
    });
  }
  const { address, port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${address}:${taken}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      // A browser that looks on would hold the dashboard open.
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Also through a tunnel, whose other end is a loopback address again. */
const HOSTS: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost']);

const POLICY =
  "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  ingest: 'Shards whose pictures are being fetched and prepared',
  'encode-float32': 'Shards to encode with float32 weights',
  finalize: 'Runs that wait for their last shard',
  train: 'Trainings',
};
