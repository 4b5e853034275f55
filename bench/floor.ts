import type pg from 'pg';
import { Piscina } from 'piscina';
import { newId } from '../core/base/ids.ts';
import type { CompiledTask, Graph } from '../core/engine/graph/compiled.ts';
import { nextEntry } from '../core/engine/journal/entries.ts';
import type { MoneyMove } from '../core/engine/journal/rows.ts';
import { purseName } from '../core/engine/limits/purse.ts';
import { Run } from '../core/engine/run/run.ts';
import type { Step } from '../core/engine/run/step.ts';
import type { Usage } from '../core/ports/models/model.ts';
import { costMicroUsd, PRICES_VERSION, upperBoundMicroUsd } from '../core/ports/models/prices.ts';
import type { Handed } from './call.ts';
import { model, price } from './config.ts';
import type { BenchGraph } from './graph.ts';
import { GroupCommit } from './group-commit.ts';

const period = new Date().toISOString().slice(0, 10);
const bound = upperBoundMicroUsd(2_000, 1_024, price);

/** What the floor works with. */
export interface FloorParts {
  readonly client: pg.Client;
  readonly pool: pg.Pool;
  readonly tenantId: number;
  readonly mock: string;
  readonly threads: number;
}

/** One run of the floor. */
export interface FloorRun {
  readonly ms: number;
  readonly handed: readonly Handed[];
}

/**
 * What no engine with this record can undercut by much: a dependency counter per agent, a stock Piscina pool of 256 tasks a
 * thread, and a group commit of the rows that the engine writes. 'Started' and 'finished' are awaited. It has no scheduler, limits,
 * budgets, permits, validation, deadlines, watchdog or recovery.
 */
export class Floor {
  readonly #parts: FloorParts;
  readonly #boot = newId();
  readonly #threads: Piscina;
  readonly #commit: GroupCommit;

  constructor(parts: FloorParts) {
    this.#parts = parts;
    this.#commit = new GroupCommit(parts.client, this.#boot);
    this.#threads = new Piscina({
      filename: new URL('./floor-thread.ts', import.meta.url).href,
      minThreads: parts.threads,
      maxThreads: parts.threads,
      concurrentTasksPerWorker: 256,
      atomics: 'async',
      recordTiming: false,
    });
  }

  /** Takes a lease that lasts as long as the bench, and opens the purses. */
  async open(scopes: readonly string[]): Promise<void> {
    const { pool, tenantId } = this.#parts;
    await pool.query(
      `INSERT INTO tutti.engine (id, host, pid, pid_started, version, reads_journal_v, lease_until)
       VALUES ($1, 'floor', $2, now(), 'floor', int4range(1, 2), now() + interval '1 day')`,
      [this.#boot, process.pid],
    );
    // It uses nothing of what engines share, and says so: without the row the engine would leave it everything.
    await pool.query(
      `INSERT INTO tutti.share (resource, kind, engine_id, amount, used_until, span_ms, demand, unit, fed_at)
       VALUES ('', '', $1, 0, now(), 0, 0, 0, now())`,
      [this.#boot],
    );
    await pool.query(
      `INSERT INTO tutti.budget (tenant_id, scope, period, limit_micro_usd) SELECT $1, s, $3::date, 1000000000000 FROM unnest($2::text[]) s ON CONFLICT DO NOTHING`,
      [tenantId, scopes, period],
    );
  }

  /** Runs a graph; `base` is the latency that factors multiply, negative for no call. */
  async run(bench: BenchGraph, graph: Graph, base: number): Promise<FloorRun> {
    const run = await this.#newRun(graph);
    const handed: Handed[] = [];
    const from = performance.now();
    // Submission is part of it: a row for every step, as the engine writes them.
    for (const step of run.steps) void this.#commit.write({ run, step });
    const waiting = bench.nodes.map((node) => node.deps.length);
    await new Promise<void>((resolve, reject) => {
      const start = (index: number): void => {
        const ms = base < 0 ? base : base * (bench.nodes[index]?.factor ?? 1);
        this.#agent(run, run.steps[index] as Step, ms).then((each) => {
          handed.push(each);
          if (handed.length === bench.nodes.length) resolve();
          for (const dependent of graph.nodes[index]?.dependents ?? []) {
            waiting[dependent] = (waiting[dependent] ?? 0) - 1;
            if (waiting[dependent] === 0) start(dependent);
          }
        }, reject);
      };
      bench.nodes.forEach((node, index) => {
        if (node.deps.length === 0) start(index);
      });
    });
    return { ms: performance.now() - from, handed };
  }

  async close(): Promise<void> {
    await this.#threads.destroy();
  }

  async #newRun(graph: Graph): Promise<Run> {
    const { pool, tenantId } = this.#parts;
    const id = newId();
    await pool.query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, owner)
       VALUES ($1, $2, $3, 0, '{}', 1, now(), 'UTC', 'running', '{}', $4)`,
      [tenantId, id, graph.name, this.#boot],
    );
    return new Run(
      {
        tenantId,
        id,
        workflow: graph.name,
        input: {},
        company: null,
        businessDate: period,
        timeZone: 'UTC',
        priority: 5,
        attended: false,
        rehearsal: false,
        journal: 2,
        actor: { kind: 'person', id: 'bench' },
        createdAt: Date.now(),
      },
      graph,
    );
  }

  async #agent(run: Run, step: Step, ms: number): Promise<Handed> {
    const seq = await this.#started(run, step);
    const task = { index: step.id, ms, url: this.#parts.mock };
    const done = (await this.#threads.run(task)) as {
      readonly output: string;
      readonly usage: Usage;
    };
    await this.#finished(run, step, { seq, ...done });
    return JSON.parse(done.output) as Handed;
  }

  async #started(run: Run, step: Step): Promise<number> {
    const now = Date.now();
    Object.assign(step, {
      status: 'running',
      attempt: 1,
      readyAt: now,
      startedAt: now,
      worker: 'floor',
    });
    const started = nextEntry(run, {
      step,
      kind: 'step.started',
      data: { attempt: 1, mode: 'model' },
    });
    const turn = nextEntry(run, {
      step,
      kind: 'turn.started',
      data: { turn: 1, model, reservedMicroUsd: bound },
    });
    await this.#commit.write({
      run,
      step,
      entries: [started, turn],
      turns: [
        {
          call: { phase: 'gathered', isAbandoned: false },
          seq: turn.seq,
          model,
          priceVersion: PRICES_VERSION,
          reservedMicroUsd: bound,
          simulated: false,
        },
      ],
      money: this.#money(run, step, { reserve: bound, release: 0, settle: 0 }),
    });
    return turn.seq;
  }

  #finished(
    run: Run,
    step: Step,
    done: {
      readonly seq: number;
      readonly output: string;
      readonly usage: Usage;
    },
  ): Promise<void> {
    const { seq, output, usage } = done;
    const cost = costMicroUsd(usage, price);
    const data = {
      turn: 1,
      stop: 'end',
      durationMs: 0,
      tokens: usage,
      costMicroUsd: cost,
      state: 'settled',
      isOutput: true,
    };
    const turn = nextEntry(run, {
      step,
      kind: 'turn.ended',
      data,
      body: { class: 'output', text: output },
    });
    const ended = nextEntry(run, {
      step,
      kind: 'step.succeeded',
      data: { outputSeq: turn.seq },
    });
    const now = Date.now();
    Object.assign(step, {
      status: 'succeeded',
      endedAt: now,
      outputSeq: turn.seq,
      costMicroUsd: cost,
    });
    return this.#commit.write({
      run,
      step,
      entries: [turn, ended],
      attempts: [
        {
          no: 1,
          worker: 'floor',
          startedAt: step.startedAt ?? now,
          endedAt: now,
          outcome: 'succeeded',
          error: null,
          turns: 1,
        },
      ],
      settles: [
        {
          seq,
          model,
          priceVersion: PRICES_VERSION,
          reservedMicroUsd: bound,
          state: 'settled',
          costMicroUsd: cost,
          tokens: usage,
        },
      ],
      money: this.#money(run, step, { reserve: 0, release: bound, settle: cost }),
    });
  }

  #money(
    run: Run,
    step: Step,
    money: { readonly reserve: number; readonly release: number; readonly settle: number },
  ): MoneyMove {
    const { module } = step.place as CompiledTask;
    const { tenantId, workflow } = run.facts;
    const scopes = ['tenant', `module:${module}`, `workflow:${workflow}`];
    return { purses: scopes.map((scope) => purseName({ tenantId, scope, period })), ...money };
  }
}
