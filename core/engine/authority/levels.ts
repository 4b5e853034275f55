import { EngineError } from '../../base/errors.ts';
import { autonomyValue, type CallScope } from '../../sdk/authority.ts';
import { type Autonomy, autonomyOf, type Grant, grantersOf } from '../../sdk/policy/policy.ts';
import { policyLabel } from '../../sdk/policy/policy-ref.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { AnyTool } from '../../sdk/tool.ts';
import type { SettingStore } from '../recovery/setting-store.ts';
import type { Actor } from '../store/store.ts';

/** How far an agent may go with a tool, and who says so. */
export interface Level {
  readonly agent: string;
  readonly tool: string;
  /** Code; null for runs over the whole group. */
  readonly company: string | null;
  readonly autonomy: Autonomy;
  /** `setting`, the names of policies, or `default`. */
  readonly by: string;
}

/** Whose level is set or taken back. */
export interface LevelAsk {
  readonly tenantId: number;
  readonly agent: string;
  readonly tool: string;
  /** @default all companies */
  readonly company?: string | undefined;
  readonly actor: Actor;
}

/** What levels follow from. */
export type LevelParts = Pick<Registry, 'agents' | 'policies'>;

/** The level of each agent with each of its tools that has an effect, for runs over the whole group and for each company. */
export function levelsOf(
  { agents, policies }: LevelParts,
  { set, companies }: { readonly set: readonly Grant[]; readonly companies: readonly string[] },
): readonly Level[] {
  return [...agents.values()].flatMap(({ name, agent, isTool }) => {
    const tools = Object.values(agent.tools) as readonly AnyTool[];
    const outward = isTool ? [] : tools.filter(({ effect }) => effect !== 'read');
    return outward.flatMap((tool) =>
      [null, ...companies].map((company) => {
        const asked = { agent: name, tool: tool.name, company };
        const autonomy = autonomyOf({ ...asked, policies, autonomy: set });
        return { ...asked, autonomy, by: sourceOf(asked, autonomy, { policies, set }) };
      }),
    );
  });
}

function sourceOf(
  asked: Pick<Level, 'agent' | 'tool' | 'company'>,
  level: Autonomy,
  { policies, set }: Pick<LevelParts, 'policies'> & { readonly set: readonly Grant[] },
): string {
  const by = grantersOf(level, { ...asked, policies, autonomy: set });
  if (typeof by === 'string') return by;
  return by.map((policy) => `policy ${policyLabel(policy)}`).join(', ');
}

/** Sets the level of one agent with one tool; what was set for exactly these before is replaced. @throws INPUT_INVALID naming what is wrong */
export async function setLevel(
  settings: SettingStore,
  ask: LevelAsk,
  level: string,
): Promise<readonly Grant[]> {
  const rest = (await grantsOf(settings, ask.tenantId)).filter((grant) => !isSame(grant, ask));
  const grant = { ...scopeOf(ask), autonomy: level };
  return await put(settings, ask, [...rest, grant]);
}

/** Takes back what was set for exactly one agent with one tool. @throws INPUT_INVALID where nothing was */
export async function resetLevel(settings: SettingStore, ask: LevelAsk): Promise<readonly Grant[]> {
  const grants = await grantsOf(settings, ask.tenantId);
  const rest = grants.filter((grant) => !isSame(grant, ask));
  if (rest.length < grants.length) return await put(settings, ask, rest);
  throw new EngineError(
    'INPUT_INVALID',
    `Nothing is set for exactly '${ask.agent}' with '${ask.tool}'; all that is set says: tutti settings autonomy`,
  );
}

/** What is set for a tenant. */
export async function grantsOf(
  settings: SettingStore,
  tenantId: number,
): Promise<readonly Grant[]> {
  const { value } = await settings.get(tenantId, 'autonomy');
  const read = autonomyValue.safeParse(value);
  return read.success ? (read.data as readonly Grant[]) : [{ autonomy: 'observe' }];
}

async function put(
  settings: SettingStore,
  { tenantId, actor }: LevelAsk,
  value: readonly unknown[],
): Promise<readonly Grant[]> {
  await settings.put(tenantId, 'autonomy', { value, actor });
  return await grantsOf(settings, tenantId);
}

function scopeOf({ agent, tool, company }: LevelAsk): CallScope {
  return {
    agents: [agent],
    tools: [tool],
    ...(company !== undefined && { companies: [company] }),
  };
}

function isSame({ agents, tools, companies }: Grant, ask: LevelAsk): boolean {
  const own = scopeOf(ask);
  return (
    JSON.stringify([agents, tools, companies]) ===
    JSON.stringify([own.agents, own.tools, own.companies])
  );
}
