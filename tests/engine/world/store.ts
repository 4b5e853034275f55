import { noDay, periodOf } from '../../../core/engine/limits/purse.ts';
import type {
  HistoryEntry,
  OpenStep,
  RunRow,
  Store,
  StoredSteps,
} from '../../../core/engine/store/store.ts';
import type { EffectRecord } from '../../../core/ports/dispatcher.ts';
import type { RecordedTurn } from '../../../core/ports/recorded-turn.ts';
import type { WorkflowData } from '../../../core/sdk/node.ts';
import type { EntryLine, SimDatabase, StepLine } from './database.ts';

/** What an engine reads and writes beside the journal, over the tables in memory. */
type Reads = Pick<
  Store,
  | 'workflowVersion'
  | 'opened'
  | 'history'
  | 'lastSeq'
  | 'steps'
  | 'conversation'
  | 'settleOrphans'
  | 'effect'
  | 'openBudgets'
>;

/** The statements of the Store that taking up runs and running them needs, with the meaning of their SQL. */
export class SimStore implements Reads {
  readonly #database: SimDatabase;
  readonly #workflows: ReadonlyMap<string, WorkflowData>;

  constructor(database: SimDatabase, workflows: ReadonlyMap<string, WorkflowData>) {
    this.#database = database;
    this.#workflows = workflows;
  }

  async workflowVersion(_tenantId: number, name: string): Promise<WorkflowData> {
    return this.#workflows.get(name) as WorkflowData;
  }

  async opened(row: RunRow): ReturnType<Store['opened']> {
    return { row, keys: null };
  }

  async history(_tenantId: number, runId: string): Promise<readonly HistoryEntry[]> {
    return historyOf(this.#database.run(runId).entries);
  }

  async steps(_tenantId: number, runId: string): Promise<StoredSteps> {
    const { steps, entries } = this.#database.run(runId);
    return storedSteps([...steps.values()], entries);
  }

  async conversation(
    _tenantId: number,
    runId: string,
    step: number,
  ): Promise<readonly RecordedTurn[]> {
    return conversationOf(this.#database.run(runId).entries, step).flatMap(
      ({ kind, data, body }) =>
        kind === 'turn.ended' && body !== null
          ? [{ said: body, stop: data.stop as RecordedTurn['stop'], answered: null }]
          : [],
    );
  }

  async lastSeq({ id }: Pick<RunRow, 'id'>): Promise<number> {
    return this.#database.run(id).entries.at(-1)?.seq ?? 0;
  }

  async settleOrphans(
    { tenant_id, id, workflow, pins }: Pick<RunRow, 'tenant_id' | 'id' | 'workflow' | 'pins'>,
    { boot, upToSeq }: Parameters<Store['settleOrphans']>[1],
  ): Promise<never[]> {
    const run = this.#database.run(id);
    const { ledger, entries, steps } = run;
    if (this.#database.gone.has(boot)) return [];
    this.#database.commits += 1;
    run.commit = this.#database.commits;
    for (const line of ledger.values()) {
      const entry = entries.find(({ seq }) => seq === line.seq);
      const step = steps.get(line.step);
      if (line.seq > upToSeq || line.state !== 'reserved' || !entry || !step) continue;
      Object.assign(line, { state: 'estimated', cost: line.reserved });
      step.cost_micro_usd += line.reserved;
      const module = entry.data.module ?? step.agent?.split('.')[0];
      const period = entry.data.period ?? periodOf(entry.at);
      const daily = ['tenant', `workflow:${workflow}`, `module:${module}`];
      const names = [
        ...daily.map((scope) => `${tenant_id} ${scope} ${period}`),
        ...[id, ...Object.keys(pins.purses ?? {})].map((run) => `${tenant_id} run:${run} ${noDay}`),
      ];
      for (const name of names) {
        const purse = this.#database.purses.get(name);
        if (!purse) continue;
        purse.reserved -= line.reserved;
        purse.settled += line.reserved;
      }
    }
    return [];
  }

  async effect(_tenantId: number, key: string): Promise<EffectRecord | null> {
    const line = this.#database.effects.get(key);
    return line ? { state: line.state, argsSha256: line.args_sha256, outcome: line.outcome } : null;
  }

  async openBudgets(
    tenantId: number,
    asked: readonly { readonly scope: string; readonly limitMicroUsd: number }[],
    period: string,
  ): ReturnType<Reads['openBudgets']> {
    const { purses } = this.#database;
    return new Map(
      asked.map(({ scope, limitMicroUsd }) => {
        const name = `${tenantId} ${scope} ${period}`;
        const purse = purses.get(name) ?? { limit: limitMicroUsd, reserved: 0, settled: 0 };
        purses.set(name, purse);
        const { limit, reserved, settled } = purse;
        const held = { reservedMicroUsd: reserved, settledMicroUsd: settled };
        return [scope, { limitMicroUsd: limit, ...held }];
      }),
    );
  }
}

export function historyOf(entries: readonly EntryLine[]): readonly HistoryEntry[] {
  return entries.map(({ seq, step, kind, data, body }) => ({ seq, step, kind, data, body }));
}

export function storedSteps(rows: readonly StepLine[], entries: readonly EntryLine[]): StoredSteps {
  const ended = new Set(rows.filter((row) => row.ended_at !== null).map(({ id }) => id));
  const open = rows.filter((row) => row.ended_at === null).map((row) => openStep(row, entries));
  const spentMicroUsd = rows.reduce((sum, row) => sum + row.cost_micro_usd, 0);
  return { ended, open, spentMicroUsd };
}

function openStep(row: StepLine, entries: readonly EntryLine[]): OpenStep {
  const recorded = row.attempt > 0 ? turnsHeld(entries, row.id) : 0;
  const { id, status, wait, attempt, crashes, cost_micro_usd, degraded, worker } = row;
  return {
    ...{ id, status, wait, attempt, crashes, cost_micro_usd, degraded, worker, recorded },
    wake_at: dateOf(row.wake_at),
    started_at: dateOf(row.started_at),
  };
}

/** Turns of a step's conversation that are recorded and paid for. */
export function turnsHeld(entries: readonly EntryLine[], step: number): number {
  return conversationOf(entries, step).filter(
    ({ kind, data }) =>
      kind === 'turn.ended' && 'stop' in data && !('error' in data) && !('simulated' in data),
  ).length;
}

/** The entries of a step since its last attempt that began a conversation anew. */
function conversationOf(entries: readonly EntryLine[], step: number): readonly EntryLine[] {
  const own = entries.filter((entry) => entry.step === step);
  const begun = own.findLastIndex(
    ({ kind, data }) => kind === 'step.started' && !('recorded' in data),
  );
  return own.slice(begun + 1);
}

function dateOf(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}
