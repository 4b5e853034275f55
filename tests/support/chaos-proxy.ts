import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { ConnectionConfig } from '../../core/ports/db/connection.ts';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * A network between a test and its PostgreSQL (behind a TCP port or a Unix socket) that fails on demand. It passes bytes on as
 * they are and knows nothing of what they say.
 */
export class ChaosProxy implements AsyncDisposable {
  readonly #target: ConnectionConfig;
  readonly #listener: Server;
  readonly #pairs = new Set<Pair>();
  #newcomers: 'pass' | 'refuse' | 'swallow' = 'pass';

  private constructor(target: ConnectionConfig) {
    this.#target = target;
    this.#listener = createServer((client) => this.#accept(client));
  }

  /** Opens a way to `target` on a port of its own. */
  static async open(target: ConnectionConfig): Promise<ChaosProxy> {
    const proxy = new ChaosProxy(target);
    proxy.#listener.listen(0, '127.0.0.1');
    await once(proxy.#listener, 'listening');
    return proxy;
  }

  /** The target's place, by way of this proxy. */
  get connection(): ConnectionConfig {
    const { port } = this.#listener.address() as AddressInfo;
    return { ...this.#target, host: '127.0.0.1', port };
  }

  /** Ends every connection and refuses new ones, as a host that is down. */
  cut(): void {
    this.#newcomers = 'refuse';
    this.drop();
  }

  /** Ends the connections that are open; the server reads what it was sent and hears of their end when it looks. */
  drop(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.end();
    }
  }

  /** Keeps back every byte, both ways, as a firewall that forgot its connections; `open` ones only, or new ones, too. */
  freeze(whom: 'open' | 'all'): void {
    if (whom === 'all') this.#newcomers = 'swallow';
    for (const { client, server } of this.#pairs) {
      client.pause();
      server.pause();
    }
  }

  /** Keeps back what the server answers on the connections that are open. */
  mute(): void {
    for (const { server } of this.#pairs) server.pause();
  }

  /** Passes everything on again; what was kept back arrives late. */
  restore(): void {
    this.#newcomers = 'pass';
    for (const { client, server } of this.#pairs) {
      client.resume();
      server.resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#listener, 'close');
    this.#listener.close();
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    await closed;
  }

  #accept(client: Socket): void {
    client.on('error', () => {});
    if (this.#newcomers === 'refuse') {
      client.destroy();
      return;
    }
    const { host = '', port = 5432 } = this.#target;
    const server = host.startsWith('/')
      ? connect(`${host}/.s.PGSQL.${port}`)
      : connect({ host, port });
    server.on('error', () => client.destroy());
    const pair = { client, server };
    this.#pairs.add(pair);
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes) => client.write(bytes));
    client.on('close', () => server.end());
    server.on('close', () => {
      client.destroy();
      this.#pairs.delete(pair);
    });
    if (this.#newcomers === 'swallow') {
      client.pause();
      server.pause();
    }
  }
}
