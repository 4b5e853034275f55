/**
 * What the tests of a module need, exported as `tutti/testing`: a connector over fixture rows, and agents run through the
 * real guard without an engine.
 */
import type { z } from 'zod';
import { newId } from '../core/base/ids.ts';
import { type Invoked, invoke, type Recorder, type StepScope } from '../core/guard/invoke.ts';
import { journalVersion } from '../core/ports/db/journal-version.ts';
import type { EffectState } from '../core/ports/db/states.ts';
import type { EffectRecord, Intent } from '../core/ports/dispatcher.ts';
import type { Connector } from '../core/ports/erp/connector.ts';
import { sharedEntities } from '../core/ports/erp/entities.ts';
import { memoryConnector } from '../core/ports/erp/memory.ts';
import { nothingOutside, type OutsideOf } from '../core/ports/outside.ts';
import type { AnyAgent, FindingInput } from '../core/sdk/agent.ts';
import { noAuthority } from '../core/sdk/authority.ts';
import type { AnyEntity } from '../core/sdk/entity.ts';
import type { Policy } from '../core/sdk/policy/policy.ts';
import type { AnyTool, Effected } from '../core/sdk/tool.ts';
import { runPlaybook } from './thread/playbook.ts';

export { ScriptedModel } from '../core/ports/models/scripted.ts';
export { type TestOutside, type TestWorld, testOutside } from './test-outside.ts';

/** What a step runs against. */
export interface TestScope {
  /** The module that the agent belongs to. */
  readonly module: string;
  readonly connector: Connector;
  /** The module's own records; shared ones are known. */
  readonly entities?: readonly AnyEntity[];
  /** Business date. @default '2026-06-30' */
  readonly today?: string;
  readonly company?: string;
  /** What the run is for. @default nobody has said */
  readonly goal?: string;
  /** @default none: every effect is proposed */
  readonly policies?: readonly Policy[];
  /** What lies beyond the ERP. @default nothing can be reached */
  readonly outside?: OutsideOf;
}

/** What an agent did. */
export interface AgentRun {
  readonly output: unknown;
  readonly findings: readonly FindingInput[];
  readonly effects: readonly {
    readonly tool: string;
    readonly args: unknown;
    readonly state: EffectState;
  }[];
  readonly toolCalls: number;
  readonly recordsRead: number;
}

/** A connector over rows in memory, by entity. */
export function fixtureConnector(
  entities: readonly AnyEntity[],
  rows: ReadonlyMap<string, readonly object[]>,
): Connector {
  return memoryConnector([...sharedEntities, ...entities], rows);
}

/** Runs one step of an agent's playbook through the guard. @throws what the agent or its tools throw */
export async function runAgent(
  agent: AnyAgent,
  options: TestScope & { readonly input: unknown },
): Promise<AgentRun> {
  const record = new MemoryRecorder();
  const findings: FindingInput[] = [];
  const input = agent.input.parse(options.input);
  const output = await runPlaybook(input, scopeOf(agent, options, record), (finding) =>
    findings.push(finding),
  );
  const calls = record.entries.filter((entry) => entry.kind === 'tool.called');
  return {
    output,
    findings,
    effects: record.effects(),
    toolCalls: calls.length,
    recordsRead: calls.reduce((sum, entry) => sum + Number(entry.data.records), 0),
  };
}

/** What a call of a tool brought: its result, what became of its effect, or the error that its caller is told. */
export type ToolRun<T extends AnyTool> =
  | ('read' extends T['effect'] ? Brought<'result', z.output<T['result']>> : never)
  | (T['effect'] extends 'read' ? never : Brought<'effected', Effected<z.output<T['result']>>>)
  | Extract<Invoked, { readonly kind: 'error' }>;

interface Brought<K, V> {
  readonly kind: K;
  readonly value: V;
  /** Rows that its handler read. */
  readonly records: number;
}

/**
 * Calls one tool through the guard, with autonomy `act` unless policies say otherwise. `options.module` is the tool's own and the ERP is
 * empty where they are left out.
 */
export async function runTool<T extends AnyTool>(
  tool: T,
  args: unknown,
  options: Partial<TestScope> = {},
): Promise<ToolRun<T>> {
  const act: Policy = { kind: 'policy', name: 'test', grants: [{ autonomy: 'act' }] };
  const agent = { name: 'tester', tools: { tool } } as unknown as AnyAgent;
  const scope: TestScope = {
    module: tool.name.slice(0, tool.name.indexOf('.')),
    connector: options.connector ?? fixtureConnector(options.entities ?? [], new Map()),
    policies: [act],
    ...options,
  };
  return (await invoke(tool, args, scopeOf(agent, scope, new MemoryRecorder()))) as ToolRun<T>;
}

function scopeOf(agent: AnyAgent, options: TestScope, recorder: Recorder): StepScope {
  const entities = [...sharedEntities, ...(options.entities ?? [])];
  return {
    tenantId: 1,
    runId: newId(),
    stepPath: agent.name,
    businessDate: options.today ?? '2026-06-30',
    ...(options.goal !== undefined && { goal: options.goal }),
    agent,
    agentName: `${options.module}.${agent.name}`,
    module: options.module,
    company: options.company ?? null,
    journal: journalVersion,
    attended: false,
    rehearsal: false,
    policies: options.policies ?? [],
    entities: new Map(entities.map((entity) => [entity.name, entity])),
    connector: options.connector,
    outside: options.outside ?? (() => nothingOutside),
    recorder,
    label: { trust: 'operator' },
    enter: () => null,
    doneTo: async () => ({ own: nobody, doings: [] }),
    applies: null,
    authority: async () => noAuthority,
    isOwned: () => true,
    signal: new AbortController().signal,
  };
}

/** Whoever a test is: nothing has been done before it. */
const nobody = { runId: '', rootRunId: '', workflow: null, agents: [], askedBy: null };

class MemoryRecorder implements Recorder {
  readonly entries: { readonly kind: string; readonly data: Readonly<Record<string, unknown>> }[] =
    [];
  readonly #effects = new Map<
    string,
    { readonly intent: Intent; state: EffectState; outcome: unknown }
  >();

  entry(kind: string, data: Readonly<Record<string, unknown>>): void {
    this.entries.push({ kind, data });
  }

  async begin(intent: Intent): Promise<EffectRecord | null> {
    const known = this.#effects.get(intent.key);
    if (known)
      return { state: known.state, argsSha256: known.intent.argsSha256, outcome: known.outcome };
    this.#effects.set(intent.key, { intent, state: intent.state, outcome: null });
    return null;
  }

  async end(key: string, state: EffectState, outcome: unknown): Promise<void> {
    const known = this.#effects.get(key);
    if (known) Object.assign(known, { state, outcome });
  }

  async claim(key: string): Promise<boolean> {
    await this.end(key, 'started', null);
    return true;
  }

  effects(): { tool: string; args: unknown; state: EffectState }[] {
    return [...this.#effects.values()].map(({ intent, state }) => ({
      tool: intent.tool,
      args: intent.args,
      state,
    }));
  }
}
