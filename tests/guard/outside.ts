import assert from 'node:assert/strict';
import { defineTool } from 'tutti';
import { type Invoked, invoke } from '../../core/guard/invoke.ts';
import type { EffectState } from '../../core/ports/db/states.ts';
import type { Connector } from '../../core/ports/erp/connector.ts';
import type { AnyTool, ToolContext } from '../../core/sdk/tool.ts';
import { aConnector, aScope, holdDeclaration, Record } from './lab.ts';

/** What every call of these tests asks for. */
export const args = { crate: 'c0', reason: 'wet' };
const result = { version: '7' };

/** An outside system, and a tool that sends to it; `how` is what the tool says of lost calls. */
export class Outside {
  /** The keys that arrived, in order. */
  readonly arrived: string[] = [];
  /** What it answers who looks. */
  found: { version: string } | null = null;
  lookUps = 0;

  tool(how: 'silent' | 'lookUp' | 'repeatable', effect: 'write' | 'send' = 'send'): AnyTool {
    const lookUp = async (_: unknown, context: ToolContext): Promise<typeof this.found> => {
      this.lookUps += 1;
      await assert.rejects(context.erp.crate.act('c0', 'hold', {}), { code: 'TOOL_REFUSED' });
      assert.match(context.key, /^[0-9a-f]{64}$/);
      return this.found;
    };
    return defineTool({
      ...holdDeclaration,
      name: 'lab.crate.ship',
      effect,
      timeoutMs: 40,
      ...(how === 'lookUp' && { lookUp }),
      ...(how === 'repeatable' && { repeatable: true }),
    }).handler(async (_, { key }) => {
      this.arrived.push(key);
      return result;
    });
  }
}

/** The ERP, as one that forgets keys: a repeated command is carried out again. */
export function forgetful(maxCallMs: number): Connector & { readonly applied: string[] } {
  const erp = aConnector();
  const applied: string[] = [];
  return {
    ...erp,
    applied,
    describe: async () => ({ ...(await erp.describe()), repeats: 'unsafe', maxCallMs }),
    apply: async (command, options) => {
      applied.push(options.key);
      return await erp.apply(command, { ...options, key: `${options.key} ${applied.length}` });
    },
  };
}

/** A record in which an earlier try of this call came to `state` so long ago. */
export async function earlier(
  tool: AnyTool,
  state: EffectState,
  rest: { readonly ageMs?: number; readonly verdict?: never; readonly outcome?: unknown } = {},
): Promise<Record> {
  const record = new Record();
  const { scope } = aScope([tool], { act: true, record, isOwned: () => false });
  await assert.rejects(invoke(tool, args, scope), { code: 'ENGINE_FENCED' });
  const [effect] = record.effects.values();
  Object.assign(effect as object, { state, ageMs: 3_600_000, ...rest });
  record.entries.length = 0;
  return record;
}

/** Makes the call once more. */
export function again(tool: AnyTool, record: Record, connector?: Connector): Promise<Invoked> {
  return invoke(
    tool,
    args,
    aScope([tool], { act: true, record, ...(connector && { connector }) }).scope,
  );
}

/** The state of the one effect. */
export function stateOf(record: Record): EffectState | undefined {
  return [...record.effects.values()][0]?.state;
}

/** What became of the effect while the call went on. */
export function ends(record: Record): readonly unknown[] {
  return record.entries.filter(({ kind }) => kind === 'effect.ended').map(({ data }) => data.state);
}

/** What the call came to, in a word. */
export function kindOf(outcome: Invoked): string {
  return outcome.kind === 'effected' ? outcome.value.kind : outcome.kind;
}
