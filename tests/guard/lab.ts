import { defineAgent, defineEntity, definePolicy, defineTool, field, Id, Text, z } from 'tutti';
import { fixtureConnector } from 'tutti/testing';
import { type Decision, decide } from '../../core/guard/decide.ts';
import type { Facts } from '../../core/guard/facts.ts';
import type { Recorder, StepScope } from '../../core/guard/invoke.ts';
import type { EffectState, Trust } from '../../core/ports/db/states.ts';
import type { EffectApproval, EffectRecord, Intent, Verdict } from '../../core/ports/dispatcher.ts';
import type { Connector } from '../../core/ports/erp/connector.ts';
import { nothingOutside } from '../../core/ports/outside.ts';
import { type Authority, noAuthority } from '../../core/sdk/authority.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';

/** A record to write on. */
const crate = defineEntity('crate', {
  code: field.code(),
  note: field.text(),
  held: field.flag(),
}).withActions({
  hold: {
    data: z.object({}),
    apply: (row) => (row.held ? { refuse: 'it is held already' } : { held: true }),
  },
});
declare module 'tutti' {
  interface Entities {
    crate: typeof crate;
  }
}

/** A write on the crate that it names. */
export const holdDeclaration = {
  name: 'lab.crate.hold',
  description: 'Holds a crate.',
  parameters: z.object({ crate: Id('crate'), reason: z.string() }),
  result: z.object({ version: z.string() }),
  effect: 'write',
  key: ({ crate }: { readonly crate: string }) => [crate],
  undo: { none: 'the warehouse releases it' },
  binds: () => ['held'],
} as const;

/** The same, complete. */
export const hold = defineTool(holdDeclaration).handler(async ({ crate }, { erp }) => {
  const { version } = await erp.crate.act(crate, 'hold', {});
  return { version };
});

/** An effect as the journal has it. */
interface Kept {
  readonly intent: Intent;
  state: EffectState;
  outcome: unknown;
  ageMs?: number;
  verdict?: Verdict;
  approval?: EffectApproval;
}

/** The journal as a step sees it. */
export class Record implements Recorder {
  readonly entries: {
    readonly kind: string;
    readonly data: Readonly<globalThis.Record<string, unknown>>;
  }[] = [];
  readonly effects = new Map<string, Kept>();
  /** Does something of its own before it answers what a key led to. */
  beforeKnown: (effect: Kept) => void = () => {};

  entry(kind: string, data: Readonly<globalThis.Record<string, unknown>>): void {
    this.entries.push({ kind, data });
  }

  async begin(intent: Intent): Promise<EffectRecord | null> {
    this.entries.push({ kind: `effect.${intent.state}`, data: {} });
    const known = this.effects.get(intent.key);
    if (known) {
      this.beforeKnown(known);
      const { intent: first, ...rest } = known;
      return { ...rest, argsSha256: first.argsSha256 };
    }
    this.effects.set(intent.key, { intent, state: intent.state, outcome: null });
    return null;
  }

  async end(key: string, state: EffectState, outcome: unknown): Promise<void> {
    this.entries.push({ kind: 'effect.ended', data: { state } });
    Object.assign(this.effects.get(key) as object, { state, outcome });
  }

  async claim(key: string, approval: string): Promise<boolean> {
    const effect = this.effects.get(key);
    if (effect?.approval?.id !== approval || effect.approval.state !== 'granted') return false;
    effect.approval = { ...effect.approval, state: 'consumed' };
    await this.end(key, 'started', null);
    return true;
  }
}

const rows = ['A1', 'A1', 'B2'].map((code, index) => ({
  id: `c${index}`,
  version: '1',
  code,
  note: new Text(`note ${index}`),
  held: false,
}));

/** The ERP, with three crates. */
export function aConnector(): Connector {
  return fixtureConnector([crate], new Map([['crate', rows]]));
}

/** A step of an agent that has these tools. */
export function aScope(
  tools: readonly AnyTool[],
  options: {
    readonly act?: boolean;
    readonly rehearsal?: boolean;
    readonly record?: Record;
    readonly connector?: Connector;
    readonly authority?: Authority;
    readonly isOwned?: () => boolean;
    readonly enter?: StepScope['enter'];
  } = {},
) {
  const agent = defineAgent({
    name: 'keeper',
    purpose: 'Keeps.',
    instructions: 'Keep.',
    input: z.object({}),
    output: z.object({}),
    tools: Object.fromEntries(tools.map((tool) => [tool.name, tool])),
  });
  const record = options.record ?? new Record();
  const controller = new AbortController();
  const policies = options.act
    ? [definePolicy({ name: 'act', grants: [{ autonomy: 'act' }] })]
    : [];
  const scope: StepScope = {
    tenantId: 1,
    runId: '01990000-0000-7000-8000-000000000001',
    stepPath: 'keep',
    businessDate: '2026-06-30',
    agent,
    agentName: 'lab.keeper',
    module: 'lab',
    company: 'DE01',
    attended: false,
    rehearsal: options.rehearsal ?? false,
    journal: 2,
    policies,
    entities: new Map([['crate', crate]]),
    connector: options.connector ?? aConnector(),
    outside: () => nothingOutside,
    recorder: record,
    label: { trust: 'operator' as Trust },
    enter: options.enter ?? (() => null),
    doneTo: async () => ({
      own: { runId: '', rootRunId: '', workflow: null, agents: [], askedBy: null },
      doings: [],
    }),
    applies: null,
    authority: async () => options.authority ?? noAuthority,
    isOwned: options.isOwned ?? (() => true),
    signal: controller.signal,
  };
  return { scope, record, controller };
}

/** The decision without the policy that says so. */
export function decidePlainly(facts: Facts): Decision {
  const { policy: _, ...decision } = decide(facts);
  return decision as Decision;
}
