import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

export interface TcpProxy {
  readonly port: number;
  /** Resets every connection, and each that comes, until `resume`. */
  cut(): void;
  /** Passes on nothing more, in both directions; connections are accepted. Until `resume`. */
  hang(): void;
  /** Each piece waits so long, in both directions; 0: none. */
  delay(milliseconds: number): void;
  /** Ends `cut`, `hang` and `delay`. What a connection held back goes on. */
  resume(): void;
  stop(): Promise<void>;
}

/** Passes bytes on to a port of this machine, as well as it is told. */
export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const clients = new Set<Socket>();
  let isCut = false;
  let milliseconds = 0;
  let open = Promise.resolve();
  let resume = () => {};
  const gate = () =>
    new Transform({
      transform(chunk, _encoding, pass) {
        void open.then(() => (milliseconds > 0 ? sleep(milliseconds) : undefined)).then(() => pass(null, chunk));
      },
    });
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    clients.add(client);
    client.on('close', () => clients.delete(client));
    if (isCut) {
      client.on('error', () => {});
      reset(client);
      return;
    }
    const onward = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    // Either end's reset is the other's.
    client.on('error', () => reset(onward));
    onward.on('error', () => reset(client));
    client.on('close', () => onward.destroy());
    onward.on('close', () => client.destroySoon());
    client.pipe(gate()).pipe(onward);
    onward.pipe(gate()).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      for (const client of clients) reset(client);
    },
    hang() {
      resume();
      open = new Promise((resolve) => (resume = resolve));
    },
    delay(wait) {
      milliseconds = wait;
    },
    resume() {
      isCut = false;
      milliseconds = 0;
      resume();
      open = Promise.resolve();
    },
    async stop() {
      server.close();
      for (const client of clients) client.destroy();
      resume();
      await once(server, 'close');
    },
  };
}

/** A connection that is being ended cannot be reset any more: Node would leave it open for ever. */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
