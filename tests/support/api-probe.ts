import { Agent, request } from 'node:http';

/** How long answers took, milliseconds. */
export interface Latency {
  readonly answers: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** What people look at: paths of an API by a name. */
export type Looks = Readonly<Record<string, string>>;

interface Answer {
  readonly name: string;
  readonly ms: number;
}

/**
 * Asks an API for one thing after the other at fixed moments, whether or not the last answer has come, until it is stopped. A time
 * counts from the moment at which a request is due, so an answer that keeps others waiting counts for them, too.
 */
export class ApiProbe {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #answers: Answer[] = [];
  readonly #refused: string[] = [];
  readonly #open = new Set<Promise<void>>();
  #timer: NodeJS.Timeout;

  constructor(url: () => string | null, looks: Looks, everyMs: number) {
    const names = Object.keys(looks);
    const began = performance.now();
    let count = 0;
    this.#timer = setInterval(() => {
      for (; began + count * everyMs <= performance.now(); count += 1) {
        const name = names[count % names.length] as string;
        const base = url();
        if (base === null) continue;
        const asked = this.#ask(`${base}${looks[name]}`, name, began + count * everyMs);
        this.#open.add(asked);
        void asked.finally(() => this.#open.delete(asked));
      }
    }, 1);
  }

  /** Answers that were none: a status other than 200, or a connection that broke. */
  get refused(): readonly string[] {
    return this.#refused;
  }

  /** Asks nothing more; resolves when all has been answered with how long answers took, by their names and together as `all`. */
  async stop(): Promise<Readonly<Record<string, Latency>>> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    this.#agent.destroy();
    const byName = Map.groupBy(this.#answers, ({ name }) => name);
    const named = [...byName].map(([name, answers]) => [name, latencyOf(answers)] as const);
    return Object.fromEntries([...named, ['all', latencyOf(this.#answers)]]);
  }

  async #ask(url: string, name: string, dueAt: number): Promise<void> {
    const status = await statusOf(url, this.#agent).catch((error: Error) => error.message);
    if (status === 200) this.#answers.push({ name, ms: performance.now() - dueAt });
    else this.#refused.push(`${name} ${status}`);
  }
}

function statusOf(url: string, agent: Agent): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode));
      response.once('error', reject);
    });
    asked.once('error', reject);
    asked.end();
  });
}

function latencyOf(answers: readonly Answer[]): Latency {
  const times = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
  return { answers: times.length, p50: at(0.5), p99: at(0.99), most: times.at(-1) ?? 0 };
}
