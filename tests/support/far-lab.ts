import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LeaseClock } from '../../core/base/lease-clock.ts';
import type { LogFields } from '../../core/base/telemetry/log.ts';
import { silentLog } from '../../core/base/telemetry/log.ts';
import { isolationBy } from '../../worker/pool/isolation.ts';
import type { ThreadSetup } from '../../worker/pool/lane.ts';
import { Pool } from '../../worker/pool/pool.ts';
import { briefFlags } from './brief-flags.ts';
import { heldLease, Jobs, until } from './lab-pool.ts';
import { machinesSetup } from './machines-setup.ts';

const { setup, registry, ground, paper } = machinesSetup;

/** What is said in a log. */
export interface Said extends LogFields {
  readonly message: string;
}

/** Another machine, as a process. */
export interface FarMachine {
  readonly child: ChildProcess;
  /** What it has said so far. */
  readonly said: readonly Said[];
  readonly ended: Promise<unknown>;
}

/** How a machine is different from one that fits. */
export interface FarOptions {
  readonly port?: number;
  /** Whose certificate it shows. @default edge-1 */
  readonly as?: string;
  readonly pools?: readonly string[];
  readonly ground?: Partial<typeof ground>;
  /** Whether this waits until it takes jobs. @default true */
  readonly waits?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** A pool that lets machines in, and machines that come; `close` ends them all. */
export class FarLab {
  readonly pool: Pool;
  readonly jobs: Jobs;
  readonly lease: LeaseClock = heldLease();
  /** What the engine's side has said. */
  readonly said: Said[] = [];
  readonly #connection: ThreadSetup['connection'];
  readonly #machines: FarMachine[] = [];

  private constructor(connection: ThreadSetup['connection']) {
    this.#connection = connection;
    const say = (message: string, fields: LogFields = {}): void => {
      this.said.push({ message, ...fields });
    };
    this.pool = new Pool({
      setup: { ...setup, connection },
      threads: 1,
      isolation: isolationBy({}, registry),
      machines: {
        config: {
          ...{ port: 0, pools: { guarded: ['vault-1'] } },
          ...{ ca: paper('authority.crt'), cert: paper('engine.crt'), key: paper('engine.key') },
        },
        configUrl: setup.configUrl,
        ground: async () => ground,
        log: { ...silentLog, info: say, warn: say },
      },
    });
    this.jobs = new Jobs(() => this.pool);
  }

  /** `connection`: for agents that write, whose rights threads look up. @default no database */
  static async open(connection: ThreadSetup['connection'] = {}): Promise<FarLab> {
    const lab = new FarLab(connection);
    await lab.pool.start(lab.jobs, lab.lease);
    return lab;
  }

  get port(): number {
    return this.pool.health.machines?.port ?? 0;
  }

  /** Lanes that take jobs. */
  get ready(): number {
    return this.pool.health.machines?.lanes.filter(({ isReady }) => isReady).length ?? 0;
  }

  /** Starts a machine. */
  async machine(options: FarOptions = {}): Promise<FarMachine> {
    const { port = this.port, as = 'edge-1', pools = ['edge'], waits = true, env } = options;
    const wanted = this.ready + 1;
    const asked = {
      port,
      as,
      pools,
      connection: this.#connection,
      ground: { ...ground, ...options.ground },
    };
    const fixture = fileURLToPath(new URL('./fixtures/far-machine.ts', import.meta.url));
    const child = spawn(process.execPath, [...briefFlags, fixture, JSON.stringify(asked)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, MACHINES_AS: as, ...env },
    });
    const said: Said[] = [];
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      said.push(...lines.map((line) => JSON.parse(line) as Said));
    });
    const machine = { child, said, ended: once(child, 'exit') };
    this.#machines.push(machine);
    if (waits) await until(() => this.ready >= wanted, 'the machine takes jobs');
    return machine;
  }

  async close(): Promise<void> {
    for (const { child } of this.#machines) child.kill('SIGKILL');
    await Promise.all(this.#machines.map(({ ended }) => ended));
    await this.pool.stop();
  }
}
