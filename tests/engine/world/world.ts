import type { Graph } from '../../../core/engine/graph/compiled.ts';
import type { RunFacts } from '../../../core/engine/run/facts.ts';
import type { RunRow } from '../../../core/engine/store/store.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { facts } from '../../support/fixtures/graphs.ts';
import { SimDatabase } from './database.ts';
import { Dice } from './dice.ts';
import { SimEngine } from './engine.ts';
import type { Wallet } from './engine-world.ts';
import { type Life, type Setup, type Tilt, type Weights, weightsOf } from './life.ts';
import { MortalClock } from './mortal-clock.ts';
import { Outside } from './outside.ts';
import { People } from './people.ts';
import { Rival } from './rival.ts';
import { RuleBook } from './rules.ts';
import { nameOfRun, type Seen } from './seen.ts';
import { Statements } from './statements.ts';
import { SimStore } from './store.ts';
import { retryOf, rowOf } from './stored-runs.ts';
import type { SimThread } from './thread.ts';
import { Watch } from './watch.ts';
import { Workflows } from './workflows.ts';

interface Possible {
  readonly weight: number;
  readonly item: () => void | Promise<void>;
}

const usualDailyMicroUsd = 50_000_000;

/** A whole installation that lives by chance: one engine, now and then its predecessor, and everything outside of them. */
export class World implements Seen {
  readonly clock: FakeClock;
  readonly database: SimDatabase;
  readonly outside: Outside;
  readonly setup: Setup;
  readonly wallet: Wallet;
  readonly rules: RuleBook;
  readonly watch: Watch;
  /** Everything that happened, in order: the same chances give the same. */
  readonly trace: string[] = [];
  /** The engine that owns the runs. */
  engine: SimEngine;
  /** Engines that were taken over from and have not noticed. */
  zombies: SimEngine[] = [];
  readonly #rival: Rival;
  readonly #weights: Weights;
  readonly #workflows: Workflows;
  readonly #store: SimStore;
  readonly #statements: Statements;
  readonly #people: People;
  /** What was asked for last: the first runs, then their retries. */
  #newest: readonly RunRow[];
  #boots = 0;
  /** Statements that are still on their way although their connection was given up. */
  #late: (() => void)[] = [];

  constructor(setup: Setup, tilt: Tilt) {
    this.setup = setup;
    this.#weights = weightsOf(tilt);
    this.clock = new FakeClock(setup.startsAt);
    this.rules = new RuleBook(setup.rules);
    this.wallet = { dailyMicroUsd: setup.dailyBudgetMicroUsd ?? usualDailyMicroUsd, version: 0 };
    this.database = new SimDatabase(() => this.clock.now());
    this.#rival = new Rival(this.database, (line) => this.note(line));
    this.outside = new Outside(this.database);
    this.#workflows = new Workflows(setup);
    this.#store = new SimStore(this.database, this.#workflows.data);
    this.#statements = new Statements(this.database, this.#workflows.registry);
    this.#people = new People(this);
    this.#newest = setup.runs.map((run, index) => rowOf(run, index, setup.startsAt));
    for (const row of this.#newest) this.database.addRun({ row });
    this.watch = new Watch(this);
    this.engine = this.#boot();
  }

  /** Lives a whole life. @throws what was violated */
  static async live({ setup, chances }: Life, tilt: Tilt = {}): Promise<World> {
    const random = Math.random;
    const dice = new Dice(chances.length);
    Math.random = () => dice.next();
    try {
      const world = new World(setup, tilt);
      await world.#live(chances, dice);
      for (let round = 1; round <= (tilt.retries ?? 0) && world.#retry(round); round += 1)
        await world.#live(chances, new Dice(round));
      return world;
    } finally {
      Math.random = random;
    }
  }

  get rivalSpent(): number {
    return this.#rival.spent;
  }

  get rivalReserved(): ReadonlyMap<string, number> {
    return this.#rival.reserved;
  }

  get hasEnded(): boolean {
    return this.database.open.length === 0;
  }

  graphOf(runId: string): Graph {
    return this.#workflows.graphOf(this.database.run(runId).row.workflow);
  }

  factsOf(runId: string): RunFacts {
    const { created_at: createdAt, priority } = this.database.run(runId).row;
    return { ...facts, id: runId, createdAt: createdAt.getTime(), priority };
  }

  note(line: string): void {
    this.trace.push(line);
  }

  // ── events ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #advance(dice: Dice): Promise<void> {
    const event = dice.weighted([...this.#usualEvents(dice), ...this.#rareEvents(dice)]);
    if (event) await this.#happen(event);
  }

  /** What engines, threads and time do by themselves. */
  #usualEvents(dice: Dice): readonly Possible[] {
    const engines = [this.engine, ...this.zombies].filter(({ isAlive }) => isAlive);
    const possible: Possible[] = [
      { weight: this.#weights.pass, item: () => this.#pass(dice) },
      ...this.#late.map((execute) => ({ weight: 20, item: () => this.#arriveLate(execute) })),
    ];
    for (const engine of engines) {
      if (engine.connection.isAsked)
        possible.push({ weight: 100, item: () => engine.connection.answer() });
      for (const at of engine.expansions.keys())
        possible.push({ weight: 60, item: () => engine.expand(at, dice) });
      for (const thread of engine.threads.values())
        if (thread.canAct) possible.push({ weight: 100, item: () => thread.act(dice) });
      for (const at of engine.pool.asked.keys())
        possible.push({ weight: 60, item: () => this.#answer(engine, at, dice.once(4)) });
    }
    if (this.engine.hasMail) possible.push({ weight: 60, item: () => this.#hear() });
    if (this.#unowned && !this.engine.isDraining)
      possible.push({ weight: 40, item: () => this.#claim(dice) });
    return possible;
  }

  #rareEvents(dice: Dice): readonly Possible[] {
    const { crash, fence, retire, drain, lose, outage, cancel, cancelStep, pause, rank, rule } =
      this.#weights;
    const threads = [...this.engine.threads.values()];
    const runs = [...this.engine.loop.runs.keys()];
    const possible: Possible[] = [
      { weight: crash, item: () => this.#crash(dice) },
      { weight: fence, item: () => this.#fence(dice) },
      { weight: this.engine.isDraining ? 30 : retire, item: () => this.#retire(dice) },
      { weight: outage, item: () => this.#loseConnection(dice) },
      { weight: drain, item: () => this.#people.drain() },
      { weight: 1, item: () => this.#tend() },
      { weight: rule, item: () => this.note(`rules of ${this.rules.set(dice)} are set`) },
    ];
    if (this.setup.dailyBudgetMicroUsd !== undefined)
      possible.push(
        { weight: this.#weights.rival, item: () => this.#rival.act(dice) },
        { weight: this.#weights.raise, item: () => this.#raise(dice.pick([500, 4_000, 20_000])) },
      );
    if (this.engine.pool.asked.length > 0)
      possible.push({ weight: 2 * outage, item: () => this.#fail(dice) });
    if (this.#people.questions.length > 0)
      possible.push({ weight: 6, item: () => this.#people.decide(dice) });
    if (threads.length > 0)
      possible.push({ weight: lose, item: () => this.#loseThread(dice.pick(threads), dice) });
    if (runs.length === 0) return possible;
    const run = dice.pick(runs);
    const people = this.#people;
    possible.push(
      { weight: cancel, item: () => people.ask(run, { kind: 'cancel', reason: 'asked' }) },
      { weight: cancelStep, item: () => people.cancelStep(run, dice) },
      { weight: pause, item: () => people.ask(run, { kind: dice.pick(['pause', 'resume']) }) },
      { weight: rank, item: () => people.rank(run, dice) },
    );
    return possible;
  }

  #pass(dice: Dice): void {
    const ms = dice.pick([1, 50, 400, 2_000, 5_000, 20_000, 61_000]);
    this.note(`pass ${ms}`);
    this.clock.pass(ms);
    this.#look();
  }

  /** Engines look each second at what steps wait for. */
  #look(): void {
    for (const engine of [this.engine, ...this.zombies]) void engine.look();
  }

  #answer({ pool }: SimEngine, at = 0, isSlow = false): void {
    this.note(`answer ${pool.answer(at, isSlow)}`);
  }

  #fail(dice: Dice): void {
    this.note(`fail ${this.engine.pool.fail(dice)}`);
  }

  #hear(): void {
    this.note('hear');
    this.engine.hear();
  }

  /** A run that the engine could take up, and has not. */
  get #unowned(): RunRow | undefined {
    return this.database.open.find(({ id }) => !this.engine.adopted.has(id))?.row;
  }

  async #claim(dice: Dice): Promise<void> {
    const row = this.#unowned as RunRow;
    this.note(`claim ${nameOfRun(row.id)}`);
    await this.engine.adopt(row, () => dice.once(12));
    if (!this.engine.isAlive) await this.#takeOver(dice);
  }

  #loseThread({ job }: SimThread, dice: Dice): void {
    this.note(`lose ${job.ref}`);
    this.engine.lose(job.ref, dice.once(3));
  }

  #loseConnection(dice: Dice): void {
    this.note('lose the connection');
    const { connection } = this.engine;
    const inFlight = connection.inFlight;
    if (inFlight && dice.once(3)) inFlight();
    else if (inFlight && dice.once(2)) this.#late.push(inFlight);
    connection.lose();
  }

  async #raise(byMicroUsd: number): Promise<void> {
    this.note(`the budgets are raised by ${byMicroUsd}`);
    this.wallet.dailyMicroUsd += byMicroUsd;
    this.wallet.version += 1;
    const asks = this.watch.money.whoAsks(this.engine);
    await this.#tend();
    this.watch.money.raised(this.engine, asks);
  }

  async #tend(): Promise<void> {
    for (const engine of [this.engine, ...this.zombies]) await engine.tend();
  }

  #arriveLate(execute: () => void): void {
    this.note('a late statement');
    this.#late = this.#late.filter((each) => each !== execute);
    execute();
  }

  async #crash(dice: Dice): Promise<void> {
    this.note('crash');
    if (dice.once(2)) this.engine.connection.executeSilently();
    this.#late.push(...this.engine.pool.leave(dice));
    this.engine.crash();
    await this.#takeOver(dice);
  }

  /** Another engine takes over while this one is alive: it has not heard of it. */
  async #fence(dice: Dice): Promise<void> {
    this.note('fence');
    this.zombies.push(this.engine);
    await this.#takeOver(dice);
  }

  /** The engine is stopped in order, with as little patience as there is. */
  async #retire(dice: Dice): Promise<void> {
    this.note('retire');
    this.engine.stopNow();
    for (let flush = 0; flush < 9 && !this.engine.connection.isLost; flush += 1) {
      await settle();
      this.engine.connection.answer();
    }
    await settle();
    this.engine.crash();
    await this.#takeOver(dice);
  }

  async #takeOver(dice: Dice): Promise<void> {
    this.database.gone.add(this.engine.boot);
    this.engine = this.#boot();
    await this.#adoptAll(dice);
  }

  async #adoptAll(dice: Dice): Promise<void> {
    for (const { id, row } of this.database.open) {
      if (this.engine.adopted.has(id)) continue;
      await this.engine.adopt(row, () => dice.once(12));
      if (!this.engine.isAlive) return this.#takeOver(dice);
    }
    this.clock.pass(0);
    this.engine.hear();
  }

  #boot(): SimEngine {
    this.#boots += 1;
    const clock = new MortalClock(this.clock);
    const engine = new SimEngine({
      database: this.database,
      wallet: this.wallet,
      rules: this.rules,
      store: this.#store,
      statements: this.#statements,
      registry: this.#workflows.registry,
      outside: this.outside,
      setup: this.setup,
      watch: this.watch,
      clock,
      boot: `00000000-0000-7000-8000-${String(this.#boots).padStart(12, '0')}`,
    });
    return engine;
  }

  /** Stores retries of the runs that have ended, as far as anything of them is left; returns whether there are any. */
  #retry(round: number): boolean {
    const now = this.clock.now();
    const retried = this.#newest.map((former) =>
      retryOf(this.database, { former, graph: this.graphOf(former.id), round, now }),
    );
    for (const each of retried) this.watch.retried(each);
    this.#newest = retried.filter(({ taken }) => !taken.isWhole).map(({ row }) => row);
    return this.#newest.length > 0;
  }

  // ── the course of things ───────────────────────────────────────────────────────────────────────────────────────────

  async #live(chances: readonly number[], dice: Dice): Promise<void> {
    await this.#happen(() => this.#adoptAll(dice));
    for (const [at, chance] of chances.entries()) await this.#advance(new Dice(chance + at));
    await this.#comeToAnEnd();
  }

  async #happen(event: () => void | Promise<void>): Promise<void> {
    await event();
    await settle();
    // Timers that are due run before anything else can happen.
    if (this.clock.isDue) {
      this.clock.pass(0);
      await settle();
    }
    this.zombies = this.zombies.filter(({ isAlive }) => isAlive);
    this.watch.look();
  }

  /** Nothing unusual happens any more: every run has to end. */
  async #comeToAnEnd(): Promise<void> {
    if (this.engine.isDraining) await this.#happen(() => this.#retire(new Dice(0)));
    for (const runId of this.engine.loop.runs.keys())
      await this.#happen(() => this.#people.letGo(runId));
    await this.#happen(() => this.#rival.settle(new Dice(1)));
    for (let at = 0; !this.#isOver(); at += 1) {
      if (at > 10_000)
        throw new Error(`I12: a run does not end\n${this.trace.slice(-40).join('\n')}`);
      await this.#happen(() => this.#goOn(new Dice(at)));
    }
    this.watch.atTheEnd();
  }

  #isOver(): boolean {
    const { connection, threads, journal, pool } = this.engine;
    const isStill = threads.size === 0 && pool.asked.length === 0 && this.#late.length === 0;
    return this.hasEnded && isStill && !connection.isAsked && !journal.isAway;
  }

  #goOn(dice: Dice): void | Promise<void> {
    const { connection, expansions, threads, pool } = this.engine;
    if (this.#late.length > 0) return this.#arriveLate(this.#late[0] as () => void);
    for (const zombie of this.zombies) zombie.connection.answer();
    // One a time: the transactions of two would do their statements side by side, and wait for no lock.
    const asking = this.zombies.find(({ pool: { asked } }) => asked.length > 0);
    if (asking) return this.#answer(asking);
    if (connection.isAsked) return connection.answer();
    if (expansions.length > 0) return this.engine.expand(0, dice);
    if (pool.asked.length > 0) return this.#answer(this.engine);
    if (this.engine.hasMail) return this.#hear();
    if (this.#unowned) return this.engine.adopt(this.#unowned, () => false);
    const able = [...threads.values()].filter(({ canAct }) => canAct);
    if (able.length > 0) return dice.pick(able).act(dice);
    const dead = [...threads.values()].find(({ isStuck, cancelled }) => isStuck && cancelled);
    if (dead) return this.engine.lose(dead.job.ref, false);
    if (this.#people.hasReview) return this.#people.review();
    if (this.#people.questions.length > 0 && dice.once(3)) return this.#people.decide(dice);
    if (this.watch.money.whoAsks(this.engine).length > 0) return this.#raise(20_000);
    this.note('pass 3000');
    this.clock.pass(3_000);
    this.#look();
  }
}

/** Lets everything happen that happens by itself: a journal begins its flush one turn of the event loop later. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise(setImmediate);
}
