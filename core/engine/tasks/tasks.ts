import { type RawBuilder, sql } from 'kysely';
import { systemClock } from '../../base/clock.ts';
import { EngineError, type ErrorData, isEngineError } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import type { Database } from '../../ports/db/database.ts';
import { bodyText, vaultOf } from '../../ports/db/vault.ts';
import type { RegisteredAgent, Registry } from '../../sdk/registry.ts';
import { agentUnknown } from '../agents/agent-unknown.ts';
import type { History } from '../history/history.ts';
import type { Sight } from '../history/sight.ts';
import { goalOfTask } from '../run/goal.ts';
import type { RunRequest } from '../run/request.ts';
import type { RunStatus } from '../run/states.ts';
import type { OwnRun } from '../submit.ts';
import { agentTask, taskWorkflow } from './agent-task.ts';
import {
  type Choice,
  type Considered,
  checkRunnable,
  chooseAgent,
  type Wanted,
} from './choose-agent.ts';
import { readStandings } from './standing.ts';
import { taskInput } from './text-input.ts';

/** A task that somebody asks for: of the agent that it names, or of the best for it. */
export interface TaskRequest extends Wanted, Asking {
  /** `module.agent` @default the best one for what is wanted */
  readonly agent?: string | undefined;
}

type Asking = Pick<
  RunRequest,
  'tenantId' | 'key' | 'company' | 'businessDate' | 'timeZone' | 'priority' | 'actor'
>;

/** A task as people see it. */
export interface TaskView {
  /** That of its run. */
  readonly id: string;
  readonly state: RunStatus;
  readonly agent: string;
  /** Why this agent; '' once the task's input has been erased. */
  readonly why: string;
  /** Who else could have been chosen, the chosen one first; empty where the agent was named. */
  readonly considered: readonly Considered[];
  /** Null while it lives, and once it has been erased. */
  readonly output: unknown;
  readonly error: ErrorData | null;
  readonly findings: number;
  readonly costMicroUsd: number;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** What tasks are made with. */
export interface TaskParts {
  readonly database: Pick<Database, 'rowsOf'>;
  readonly history: Pick<History, 'head' | 'steps' | 'summary' | 'output'>;
  /** What counts for a tenant. */
  readonly registry: (tenantId: number) => Promise<Registry>;
  readonly startOwn: (own: OwnRun) => Promise<{ readonly id: string; readonly isNew: boolean }>;
  /** Whether models can be called where tasks run. */
  readonly hasModels: () => boolean | Promise<boolean>;
}

/** A task that was stored before. */
interface KnownTask {
  readonly id: string;
  readonly company: string | null;
  readonly body: string | null;
}

/** What a task's run is given. */
interface TaskRunInput {
  readonly input: unknown;
  readonly agent: string;
  readonly why: string;
  readonly considered: readonly Considered[];
  /** Digest of what was asked for, hex: the same again under the same key is the same task. */
  readonly asked: string;
}

/** Single tasks beside workflows: each is a run of one agent, for which a person waits. */
export class Tasks {
  readonly #parts: TaskParts;

  constructor(parts: TaskParts) {
    this.#parts = parts;
  }

  /**
   * Starts a task. The same key again finds the same task, whoever would be chosen for it now.
   * @throws AGENT_UNKNOWN · INPUT_INVALID · MODEL_REQUIRED · KEY_REUSED · DB_*
   */
  async start(request: TaskRequest): Promise<{ readonly id: string; readonly isNew: boolean }> {
    const { agent, capability, inputType, outputType, text, input, ...asking } = request;
    const wanted = { capability, inputType, outputType, text, input };
    const asked = digest({ agent: agent ?? null, ...withoutGaps(wanted) }).toString('hex');
    const known = await this.#known(request, asked);
    if (known !== null) return { id: known, isNew: false };
    const { agents } = await this.#parts.registry(request.tenantId);
    const choice =
      agent === undefined
        ? await this.#choose(request.tenantId, wanted, agents)
        : await this.#named(agent, agents);
    const own = ownRun(choice, { asking, wanted, asked });
    try {
      return await this.#parts.startOwn(own);
    } catch (error) {
      // Two who send the same at once may have chosen differently.
      const isTaken = isEngineError(error) && error.code === 'KEY_REUSED';
      const first = isTaken ? await this.#known(request, asked) : null;
      if (first === null) throw error;
      return { id: first, isNew: false };
    }
  }

  /** @throws TASK_UNKNOWN also for what is out of sight */
  async view(tenantId: number, id: string, sight?: Sight): Promise<TaskView> {
    const { history } = this.#parts;
    const head = await history.head(tenantId, id, sight).catch((error: unknown) => {
      throw isEngineError(error) && error.code === 'RUN_UNKNOWN' ? unknownTask(id) : error;
    });
    if (head.workflow !== taskWorkflow) throw unknownTask(id);
    const [given, [step], summary] = await Promise.all([
      this.#given(tenantId, id),
      history.steps(tenantId, id, { limit: 1 }),
      history.summary(tenantId, head),
    ]);
    return {
      id,
      state: head.status,
      agent: given?.agent ?? step?.agent ?? '',
      why: given?.why ?? '',
      considered: given?.considered ?? [],
      output: head.endedAt === null ? null : await history.output(tenantId, id),
      error: step?.error ?? null,
      findings: summary.findings,
      costMicroUsd: summary.costMicroUsd,
      createdAt: head.createdAt,
      endedAt: head.endedAt,
    };
  }

  async #choose(tenantId: number, wanted: Wanted, agents: Registry['agents']): Promise<Choice> {
    const names = [...agents.keys()];
    const now = systemClock.now();
    const standings = await readStandings(this.#parts.database, tenantId, { agents: names, now });
    const hasModels = await this.#parts.hasModels();
    return chooseAgent(wanted, { agents: agents.values(), standings, hasModels });
  }

  async #named(name: string, agents: Registry['agents']): Promise<Choice> {
    const agent = agents.get(name);
    if (!agent || agent.isTool || agent.isOwn) throw unknownAgent(name, agents);
    checkRunnable(agent, await this.#parts.hasModels());
    return { agent, why: 'It was named.', considered: [] };
  }

  /** The task that has a key. @throws KEY_REUSED when it is another one */
  async #known({ tenantId, key, company }: TaskRequest, asked: string): Promise<string | null> {
    if (key === undefined) return null;
    const [row] = await this.#rows<KnownTask>(
      tenantId,
      sql`SELECT r.id, r.company, ${sql.raw(bodyText('p'))} AS body FROM tutti.run r LEFT JOIN tutti.payload p ON p.tenant_id = r.tenant_id AND p.run_id = r.id AND p.seq = 1 AND p.part = 0
        WHERE r.tenant_id = ${tenantId} AND r.workflow = ${taskWorkflow} AND r.key = ${key}`,
    );
    const given = read(row?.body ?? null);
    if (!row) return null;
    if (row.company === (company ?? null) && (given === null || given.asked === asked))
      return row.id;
    const message = `The key '${key}' belongs to task ${row.id}, which is another one; use a new key.`;
    throw new EngineError('KEY_REUSED', message, { details: { run: row.id } });
  }

  async #given(tenantId: number, id: string): Promise<TaskRunInput | null> {
    const [row] = await this.#rows<{ readonly body: string | null }>(
      tenantId,
      sql`SELECT ${sql.raw(bodyText('p'))} AS body FROM tutti.payload p WHERE tenant_id = ${tenantId} AND run_id = ${id}::uuid AND seq = 1 AND part = 0`,
    );
    return read(row?.body ?? null);
  }

  async #rows<T>(tenantId: number, query: RawBuilder<unknown>): Promise<readonly T[]> {
    const { database } = this.#parts;
    const rows = await database.rowsOf(
      tenantId,
      query as RawBuilder<T & { readonly body: unknown }>,
    );
    return vaultOf(database).open(rows, 'body');
  }
}

/** Null once it has been erased. */
function read(body: string | null): TaskRunInput | null {
  return body === null ? null : (JSON.parse(body) as TaskRunInput);
}

/** @throws INPUT_INVALID */
function ownRun(
  { agent, why, considered }: Choice,
  {
    asking,
    wanted,
    asked,
  }: { readonly asking: Asking; readonly wanted: Wanted; readonly asked: string },
): OwnRun {
  const own = taskInput(agent.agent, wanted);
  if (own.kind === 'fault')
    throw new EngineError('INPUT_INVALID', `Agent '${agent.name}' ${own.fault}.`);
  const goal = goalOfTask(wanted.text ?? '');
  const input: TaskRunInput = { input: own.input, agent: agent.name, why, considered, asked };
  return {
    workflow: agentTask(agent),
    // Whoever asks waits for it: it goes before the night's batch.
    request: {
      ...withoutGaps(asking),
      ...(goal !== undefined && { goal }),
      ...{ workflow: taskWorkflow, input, attended: true },
    },
  };
}

function withoutGaps<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}

function unknownAgent(name: string, agents: ReadonlyMap<string, RegisteredAgent>): EngineError {
  const all = [...agents.values()].filter(({ isTool, isOwn }) => !isTool && !isOwn);
  const known = all.map((each) => each.name).sort();
  const shown = known.slice(0, 50).join(', ') + (known.length > 50 ? ', …' : '');
  return agentUnknown(`There is no agent '${name.slice(0, 64)}'; known are: ${shown || 'none'}.`);
}

function unknownTask(id: string): EngineError {
  return new EngineError('TASK_UNKNOWN', `There is no task '${id.slice(0, 64)}'.`);
}
