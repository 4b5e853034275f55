import { EngineError } from '../../base/errors.ts';
import { type AccessGrant, accessValue } from '../../sdk/tool-access.ts';
import type { SettingStore } from '../recovery/setting-store.ts';
import type { Actor } from '../store/store.ts';

/** Whom a tool is given to, or taken from: one agent, or whoever works for persons of a role. */
export type Grantee =
  | { readonly agent: string; readonly role?: never }
  | { readonly role: string; readonly agent?: never };

/** A change of who may use a tool. */
export type GrantAsk = Grantee & {
  readonly tenantId: number;
  /** A name, or a pattern of names. */
  readonly tool: string;
  readonly actor: Actor;
};

/** Name of the setting that holds what was given. */
const name = 'access';

/** What was given at run time in a tenant; what nobody can read gives nothing. */
export async function accessOf(
  settings: Pick<SettingStore, 'get'>,
  tenantId: number,
): Promise<readonly AccessGrant[]> {
  const { value } = await settings.get(tenantId, name);
  const read = accessValue.safeParse(value);
  return read.success ? (read.data as readonly AccessGrant[]) : [];
}

/** Gives a tool to an agent or a role; giving it twice changes nothing. @throws INPUT_INVALID naming what fits nothing */
export async function grantTool(settings: SettingStore, ask: GrantAsk): Promise<void> {
  const { tenantId, actor } = ask;
  const grants = await accessOf(settings, tenantId);
  if (grants.some((each) => isSame(each, ask))) return;
  await settings.put(tenantId, name, { value: [...grants, grantOf(ask)], actor });
}

/** Takes back what was given with exactly these words. @throws INPUT_INVALID where nothing was */
export async function revokeTool(settings: SettingStore, ask: GrantAsk): Promise<void> {
  const { tenantId, actor, tool } = ask;
  const grants = await accessOf(settings, tenantId);
  const rest = grants.filter((each) => !isSame(each, ask));
  if (rest.length === grants.length)
    throw new EngineError(
      'INPUT_INVALID',
      `'${tool}' was not given to exactly ${ask.agent === undefined ? `role '${ask.role}'` : `'${ask.agent}'`}; all that was given says: tutti settings access`,
    );
  await settings.put(tenantId, name, { value: rest, actor });
}

function grantOf({ tool, agent, role }: GrantAsk): AccessGrant {
  return {
    tools: [tool],
    ...(agent !== undefined && { agents: [agent] }),
    ...(role !== undefined && { roles: [role] }),
  };
}

function isSame({ tools, agents, roles }: AccessGrant, ask: GrantAsk): boolean {
  const own = grantOf(ask);
  return (
    JSON.stringify([tools, agents, roles]) === JSON.stringify([own.tools, own.agents, own.roles])
  );
}
