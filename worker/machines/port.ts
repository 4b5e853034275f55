import { constants } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Clock } from '../../core/base/clock.ts';
import { EngineError, toErrorData } from '../../core/base/errors.ts';
import type { Log } from '../../core/base/telemetry/log.ts';
import { type MachinesConfig, usualMachinesPort } from '../../core/ports/machines-config.ts';
import { differenceOf, type Ground, isGreeting } from './ground.ts';
import { type FromMachine, greetingMs, type ToMachine } from './messages.ts';
import type { Papers } from './papers.ts';
import { Wire } from './wire.ts';

/** Connections at once: a lane is one. */
const mostConnections = 1_024;

/** The engine's side of a wire. */
export type MachineWire = Wire<ToMachine, FromMachine>;

/** A machine that has been let in, with what its wire then brings. */
export interface Guest {
  /** The common name in its certificate. */
  readonly name: string;
  readonly pools: readonly string[];
  readonly wire: MachineWire;
  /** Takes everything that follows. */
  follow(heard: (message: FromMachine) => void, closed: (reason: string) => void): void;
}

/** How an engine listens. */
export interface PortOptions {
  readonly config: MachinesConfig;
  readonly papers: Papers;
  /** What machines must have in common with this engine; read when the first one comes. */
  readonly ground: () => Promise<Ground>;
  readonly clock: Clock;
  readonly log: Log;
  readonly welcome: (guest: Guest) => void;
}

/** Where machines come in: only those with a certificate of our authority get as far as a word, and only what fits gets any further. */
export class Port {
  readonly #options: PortOptions;
  readonly #server: Server;
  /** Wires of whom nothing is known yet but a certificate. */
  readonly #strangers = new Set<MachineWire>();
  #ground: Promise<Ground> | null = null;

  constructor(options: PortOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        ...options.papers,
        requestCert: true,
        rejectUnauthorized: true,
        handshakeTimeout: greetingMs,
        // Each connection shows its certificate: none goes on by the word of an earlier one.
        secureOptions: constants.SSL_OP_NO_TICKET,
      },
      (socket) => this.#meet(socket),
    );
    this.#server.maxConnections = mostConnections;
    this.#server.on('tlsClientError', (error, { remoteAddress = '?', authorizationError }) => {
      const message = String(authorizationError || error.message);
      this.#refused(remoteAddress, `no certificate of our authority is shown (${message})`);
    });
  }

  /** @throws PORT_TAKEN */
  async open(): Promise<void> {
    const { host = '127.0.0.1', port = usualMachinesPort } = this.#options.config;
    this.#server.listen(port, host);
    try {
      await once(this.#server, 'listening');
    } catch (cause) {
      throw new EngineError(
        'PORT_TAKEN',
        `Machines cannot be listened for on ${host}:${port}: ${(cause as Error).message}. Give each engine of a machine its own \`machines.port\`.`,
        { cause },
      );
    }
    // It does not keep the process from ending.
    this.#server.unref();
  }

  get number(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** Lets nobody in any more. */
  close(): void {
    this.#server.close();
    for (const wire of this.#strangers) wire.drop('the engine stops');
  }

  #meet(socket: TLSSocket): void {
    // Said once more, for what follows rests on it.
    if (!socket.authorized) return void socket.destroy();
    socket.unref();
    const { subject } = socket.getPeerCertificate();
    const name = String(subject?.CN ?? '').slice(0, 64) || 'without a name';
    let heard = (message: FromMachine): void => {
      greet(message).catch((error: unknown) => wire.drop(toErrorData(error).message));
    };
    let closed = (reason: string): void => this.#refused(name, reason);
    const wire: MachineWire = new Wire<ToMachine, FromMachine>(socket, {
      message: (message) => heard(message),
      closed: (reason) => {
        this.#strangers.delete(wire);
        cancel();
        closed(reason);
      },
    });
    this.#strangers.add(wire);
    const cancel = this.#options.clock.after(greetingMs, () =>
      wire.drop('it did not say who it is'),
    );
    const greet = async (message: FromMachine): Promise<void> => {
      // It asks for the time already; that begins with the welcome.
      if (message.kind === 'ping') return;
      heard = () => {};
      const fault = await this.#faultOf(message, name);
      if (!wire.isOpen) return;
      this.#strangers.delete(wire);
      cancel();
      if (fault) return this.#turnAway(wire, name, fault);
      wire.open();
      wire.send({ kind: 'welcome' });
      const { pools } = message as Extract<FromMachine, { kind: 'greeting' }>;
      const follow: Guest['follow'] = (next, ended) => {
        [heard, closed] = [next, ended];
      };
      this.#options.welcome({ name, pools, wire, follow });
    };
  }

  async #faultOf(message: FromMachine, name: string): Promise<string | null> {
    if (!isGreeting(message))
      return 'It does not say who it is; give it the release of the engine.';
    const { config, ground } = this.#options;
    for (const pool of message.pools) {
      const listed = config.pools?.[pool];
      if (listed && !listed.includes(name))
        return `Pool '${pool.slice(0, 64)}' is not for '${name}'; name it under \`machines.pools\` of the engine's configuration if it should be.`;
    }
    try {
      this.#ground ??= ground();
      return differenceOf(message.ground, await this.#ground);
    } catch (error) {
      this.#ground = null;
      return `The engine cannot tell now what it runs: ${toErrorData(error).message}`;
    }
  }

  #turnAway(wire: MachineWire, name: string, fault: string): void {
    const error = toErrorData(new EngineError('MACHINE_REFUSED', fault));
    wire.end({ kind: 'refused', error });
    this.#refused(name, fault);
  }

  #refused(name: string, reason: string): void {
    this.#options.log.warn('A machine was not let in.', {
      code: 'MACHINE_REFUSED',
      machine: name,
      reason,
    });
  }
}
