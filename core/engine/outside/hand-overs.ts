import type pg from 'pg';
import { crashPoint } from '../../base/crash-point.ts';
import { EngineError, type ErrorData, errorRow, toErrorData } from '../../base/errors.ts';
import { beginningOf, toVisible } from '../../base/text.ts';
import { joinOf } from '../../guard/labels.ts';
import { translateDbError } from '../../ports/db/db-error.ts';
import { bodyText, vaultOf } from '../../ports/db/vault.ts';
import type { Part } from '../../ports/models/model.ts';
import type { Answered, DelegatedCall, PartlyAnswered } from '../../ports/recorded-turn.ts';
import type { RegisteredAgent, Registry } from '../../sdk/registry.ts';
import type { EntryInput } from '../journal/entries.ts';
import type { Budget, Reservation } from '../limits/budget.ts';
import { isInnocent } from '../loop/failures.ts';
import { stepLimits } from '../loop/step-limits.ts';
import type { RunRequest } from '../run/request.ts';
import type { Run } from '../run/run.ts';
import { pursesBelow } from '../run/run-purses.ts';
import { isTerminal } from '../run/states.ts';
import { pathOf, type Step } from '../run/step.ts';
import type { Store } from '../store/store.ts';
import { submitOwn } from '../submit.ts';
import { agentTask, delegationWorkflow } from '../tasks/agent-task.ts';
import type { ChildEnds, EndedChild } from './child-ends.ts';
import type { WaitingStep } from './children.ts';

/** What work is handed on with. */
export interface HandOverParts {
  readonly pool: pg.Pool;
  readonly store: Store;
  readonly registry: Registry;
  readonly ends: ChildEnds;
  readonly budget: Pick<Budget, 'left' | 'reserve' | 'settle'>;
  /** Runs wait to be taken up. */
  readonly started: () => void;
}

/** A call that another agent works on, or has. */
interface Handed {
  readonly call: DelegatedCall;
  /** Its run; null: none was started. */
  readonly run: { readonly id: string; readonly held: Reservation } | null;
  /** Why none was. */
  readonly refused: ErrorData | null;
  end: EndedChild | null;
}

/** A turn that waits for other agents. */
interface Turn extends WaitingStep {
  readonly turn: number;
  readonly partly: PartlyAnswered;
  readonly calls: readonly Handed[];
  /** Whether its runs are held back, as its own is. */
  isHeld: boolean;
}

/** What a turn has come to: the lines that tell it, and what the other agents have spent. */
export interface AnsweredTurn extends WaitingStep {
  readonly entries: readonly EntryInput[];
  readonly costMicroUsd: number;
}

/**
 * Work that a model hands to other agents, as it calls tools. The attempt has ended; its step waits. Each call has a run of its own, under a
 * key made of the run and the entry that tells of the turn, so that whoever looks again meets the run that there is; their ends are read from
 * their rows, and become the answers of the turn in the flush that makes the step ready.
 *
 *   turn.answered (in part), step.waiting, durable ─▶ a run a call ─ all ended ─▶ agent.called, turn.answered, the step is ready
 */
export class HandOvers {
  readonly #parts: HandOverParts;
  readonly #turns = new Map<Step, Turn>();

  constructor(parts: HandOverParts) {
    this.#parts = parts;
  }

  /** Starts the runs of a step that waits, or finds those that it has. @throws RECORD_UNKNOWN where nobody can tell what was handed on · DB_* */
  async begin({ run, step }: WaitingStep, acting: RegisteredAgent): Promise<void> {
    if (this.#turns.has(step)) return;
    const { turn, seq, partly } = await this.#asked(run, step);
    const known = await this.#known(run, step);
    const key = ({ at }: DelegatedCall) => `handed on by ${run.facts.id} ${seq}.${at}`;
    const found = partly.delegated.map((call) => known.get(key(call)));
    const limit = stepLimits(step.place, acting.agent).costMicroUsd - step.costMicroUsd;
    const taken = found.map((each) => this.#hold(run, each?.left_micro_usd ?? 0));
    const left = limit - taken.reduce((sum, { microUsd }) => sum + microUsd, 0);
    const missing = found.filter((each) => !each).length;
    const share = this.#shareOf(run, left, missing);
    const calls: Handed[] = [];
    try {
      for (const [index, call] of partly.delegated.entries()) {
        const has = found[index];
        const held = has ? (taken[index] as Reservation) : this.#hold(run, share);
        taken[index] = held;
        const start = { acting, call, key: key(call), share, trust: partly.trust };
        const started = has ?? (await this.#start({ run, step }, start));
        if ('code' in started) {
          this.#parts.budget.settle(held, 0);
          taken[index] = this.#hold(run, 0);
          calls.push({ call, run: null, refused: started, end: null });
        } else calls.push({ call, run: { id: started.id, held }, refused: null, end: null });
        crashPoint('after-handing-on');
      }
    } catch (error) {
      // Whoever looks again holds it again.
      for (const held of taken) this.#parts.budget.settle(held, 0);
      throw error;
    }
    const isHeld = found.some((each) => each?.status === 'paused');
    this.#turns.set(step, { run, step, turn, partly, calls, isHeld });
    this.#parts.started();
  }

  /** The turns that all other agents have answered. Runs of steps that were paused, or go on, are told so. @throws DB_* */
  async answered(): Promise<readonly AnsweredTurn[]> {
    if (this.#turns.size === 0) return [];
    await this.#steer();
    const turns = [...this.#turns.values()];
    const open = turns.flatMap(({ calls }) => calls.flatMap(openRun));
    const runs = turns.map(({ run }) => run.facts.id);
    const ends = open.length === 0 ? [] : await this.#parts.ends.of(runs, open);
    const byId = new Map(ends.map((end) => [end.id, end]));
    for (const handed of turns.flatMap(({ calls }) => calls)) {
      const end = handed.run && byId.get(handed.run.id);
      if (!end || handed.end) continue;
      handed.end = end;
      this.#parts.budget.settle(handed.run.held, end.cost_micro_usd);
    }
    return turns.flatMap((turn) => {
      // Somebody else who looked at the same time has told of it.
      if (this.#turns.get(turn.step) !== turn) return [];
      const isWanted = turn.step.status === 'waiting';
      // What nobody waits for any more counts on the run's purse until it has ended.
      if (isTerminal(turn.run.status)) this.#turns.delete(turn.step);
      if (turn.calls.some((handed) => openRun(handed).length > 0)) return [];
      this.#turns.delete(turn.step);
      return isWanted ? [toAnswer(turn)] : [];
    });
  }

  /** Pauses what the agents of paused runs have handed on, and lets it go on with them. */
  async #steer(): Promise<void> {
    for (const turn of this.#turns.values()) {
      const { run, calls } = turn;
      if (run.isPaused === turn.isHeld || isTerminal(run.status)) continue;
      const kind = run.isPaused ? 'pause' : 'resume';
      await this.#parts.pool.query(steerSql, [run.facts.tenantId, calls.flatMap(openRun), kind]);
      turn.isHeld = kind === 'pause';
    }
  }

  #hold({ facts }: Run, microUsd: number): Reservation {
    return this.#parts.budget.reserve([`run:${facts.id}`], microUsd);
  }

  /** What each of several runs may spend of what their step, and its run, have left. */
  #shareOf({ facts }: Run, leftOfStep: number, runs: number): number {
    if (runs === 0) return 0;
    const left = Math.min(leftOfStep, this.#parts.budget.left(`run:${facts.id}`) ?? leftOfStep);
    return Math.max(0, Math.floor(left / runs));
  }

  async #asked({ facts }: Run, { id }: Step): Promise<Asked> {
    const { rows } = await this.#parts.pool.query<AskedRow>(askedSql, [
      facts.tenantId,
      facts.id,
      id,
    ]);
    const [row] = await vaultOf(this.#parts.pool).open(rows, 'body');
    if (row?.body)
      return { turn: row.turn, seq: row.seq, partly: JSON.parse(row.body) as PartlyAnswered };
    const message = `Nobody can tell any more what step ${id} of run ${facts.id} has handed on: the body of that turn is gone.`;
    throw new EngineError('RECORD_UNKNOWN', message);
  }

  async #known({ facts }: Run, { id }: Step): Promise<ReadonlyMap<string, KnownRow>> {
    const { rows } = await this.#parts.pool.query<KnownRow>(knownSql, [
      ...[facts.tenantId, facts.id, id, delegationWorkflow],
    ]);
    return new Map(rows.map((row) => [row.key, row]));
  }

  /** Starts the run of a call; an error that is no way of the database is the call's answer. @throws DB_* */
  async #start({ run, step }: WaitingStep, start: Start): Promise<{ id: string } | ErrorData> {
    const { store, registry } = this.#parts;
    const { acting, call } = start;
    try {
      const delegate = acting.delegates?.find(({ name }) => name === call.agent);
      if (!delegate) throw unknownDelegate(acting, call);
      const workflow = agentTask(delegate, delegationWorkflow);
      const request = requestOf({ run, step }, start);
      return await submitOwn(store, registry, { workflow, request });
    } catch (error) {
      const data = toErrorData(translateDbError(error));
      if (isInnocent(data) || errorRow(data.code).retryable) throw error;
      return data;
    }
  }
}

/** A run to be started for a call. */
interface Start {
  /** Who hands it on. */
  readonly acting: RegisteredAgent;
  readonly call: DelegatedCall;
  readonly key: string;
  /** Micro-USD that it may spend. */
  readonly share: number;
  readonly trust: Answered['trust'];
}

function requestOf(
  { run, step }: WaitingStep,
  { acting, call, key, share, trust = 'external' }: Start,
): RunRequest {
  const { facts } = run;
  const { tenantId, company, businessDate, timeZone, attended, rehearsal, speed, actor } = facts;
  const above = facts.delegated;
  const path = above?.effects.path ?? pathOf(step);
  return {
    ...{ tenantId, businessDate, timeZone, attended, rehearsal, actor, key, trust },
    workflow: delegationWorkflow,
    input: { input: call.input, agent: call.agent },
    priority: run.priority,
    ...(company !== null && { company }),
    ...(speed !== undefined && { speed }),
    ...(facts.deadlineAt !== undefined && { deadlineAt: new Date(facts.deadlineAt) }),
    delegated: {
      agents: [...(above?.agents ?? []), acting.name],
      effects: {
        run: above?.effects.run ?? facts.retry?.root ?? facts.id,
        path: `${path} > ${call.agent}`,
      },
      workflow: above?.workflow ?? facts.workflow,
    },
    parent: {
      ...{ runId: facts.id, step: step.id, attempt: step.attempt },
      depth: (facts.depth ?? 0) + 1,
      leftMicroUsd: share,
      purses: pursesBelow(run),
      ...(facts.goal && { goal: facts.goal }),
    },
  };
}

function unknownDelegate({ name }: RegisteredAgent, { agent }: DelegatedCall): EngineError {
  const message = `'${name}' may not hand work to '${agent}' any more; do without.`;
  return new EngineError('TOOL_REFUSED', message);
}

/** The run of a call that has not ended, as far as anybody has heard. */
function openRun({ run, end }: Handed): readonly string[] {
  return run && !end ? [run.id] : [];
}

function toAnswer({ run, step, turn, partly, calls }: Turn): AnsweredTurn {
  const results: Part[] = [...partly.results];
  // Each into its place: those before it are there by now.
  for (const handed of calls) results.splice(handed.call.at, 0, resultOf(handed));
  const trust = joinOf([partly.trust ?? 'external', ...calls.map(trustOf)]);
  const answered: Answered = {
    ...{ results, trust, findings: partly.findings, handedOn: calls.length },
    external: partly.external || trust === 'external',
  };
  const data = { turn, calls: results.length, handedOn: calls.length };
  const body = { class: 'model' as const, text: JSON.stringify(answered) };
  return {
    run,
    step,
    entries: [
      ...calls.map((handed) => ({ step, kind: 'agent.called', data: toldOf(handed) })),
      { step, kind: 'turn.answered', data, body },
    ],
    costMicroUsd: calls.reduce((sum, { end }) => sum + (end?.cost_micro_usd ?? 0), 0),
  };
}

/** Characters of what a model is told of an agent's output. */
const longestAnswer = 1_000_000;

/** What the model is told: the agent's output, or that there is none; never the words of a failure, which may be anybody's. */
function resultOf({ call, run, refused, end }: Handed): Part {
  const result = { kind: 'result' as const, id: call.id, name: call.agent };
  if (isGood(end)) {
    const content = toVisible(beginningOf(end?.output ?? 'null', longestAnswer));
    return { ...result, content, isError: false };
  }
  if (refused) return { ...result, content: refused.message, isError: true };
  const code = end?.code ? ` (${end.code})` : '';
  const content = `'${call.agent}' has brought nothing: its run ${run?.id} is '${end?.status}'${code}.`;
  return { ...result, content, isError: true };
}

/** The label of what a call has brought. */
function trustOf({ end }: Handed): NonNullable<Answered['trust']> {
  return isGood(end) ? (end?.trust ?? 'external') : 'system';
}

function isGood(end: EndedChild | null): boolean {
  return end !== null && ['succeeded', 'partial'].includes(end.status) && end.output !== null;
}

/** What the journal says of a call. */
function toldOf(handed: Handed): Readonly<Record<string, unknown>> {
  const { call, run, refused, end } = handed;
  if (!end) return { agent: call.agent, outcome: 'refused', code: refused?.code };
  const { status: outcome, code, ms, cost_micro_usd: costMicroUsd } = end;
  const told = { agent: call.agent, run: run?.id, outcome, ms, costMicroUsd };
  return { ...told, trust: trustOf(handed), ...(code !== null && { code }) };
}

interface Asked {
  readonly turn: number;
  readonly seq: number;
  readonly partly: PartlyAnswered;
}

interface AskedRow extends Omit<Asked, 'partly'> {
  /** JSON; null: it was erased meanwhile. */
  readonly body: string | null;
}

// $1 tenant, $2 run, $3 step: what its last turn has handed on.
const askedSql = `SELECT e.seq, (e.data->>'turn')::int AS turn, (SELECT ${bodyText('p')} FROM tutti.payload p
    WHERE p.tenant_id = $1 AND p.run_id = $2 AND p.seq = e.seq AND p.part = 0 AND p.body IS NOT NULL) AS body
  FROM tutti.entry e WHERE e.tenant_id = $1 AND e.run_id = $2 AND e.step = $3 AND e.kind = 'turn.answered' AND e.data ? 'delegated'
    AND EXISTS (SELECT FROM tutti.payload p WHERE p.tenant_id = $1 AND p.run_id = $2 AND p.seq = e.seq AND p.part = 0 AND p.body IS NOT NULL)
  ORDER BY e.seq DESC LIMIT 1`;

interface KnownRow {
  readonly id: string;
  readonly key: string;
  readonly status: string;
  readonly left_micro_usd: number;
}

// $1 tenant, $2 run, $3 step, $4 the workflow: what it has handed on.
const knownSql = `SELECT id, key, status, coalesce((pins->>'leftMicroUsd')::bigint, 0) AS left_micro_usd FROM tutti.run
  WHERE tenant_id = $1 AND parent_run_id = $2 AND parent_step = $3 AND workflow = $4`;

// $1 tenant, $2 runs, $3 what is asked of them, for whoever they are.
const steerSql = `INSERT INTO tutti.inbox (tenant_id, run_id, kind, dedupe, data, actor)
  SELECT tenant_id, id, $3::text, $3::text || ' ' || gen_random_uuid(), '{}', actor
  FROM tutti.run WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) AND ended_at IS NULL`;
