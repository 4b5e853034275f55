import { digest } from '../../core/base/ids.ts';
import { pinnedAgents } from '../../core/engine/run/pinned.ts';
import type { Config } from '../../core/ports/config.ts';
import type { ConnectionConfig } from '../../core/ports/db/connection.ts';
import { databaseMark } from '../../core/ports/db/database-mark.ts';
import { journalVersion } from '../../core/ports/db/journal-version.ts';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { chooseProfiles } from '../../core/ports/models/profiles.ts';
import { type Declarations, loadDeclarations } from '../../core/sdk/registry.ts';
import type { Ground } from '../../worker/machines/ground.ts';
import { version } from '../version.ts';

/** What a process runs agents with, to be compared with that of another machine. @throws MODULE_INVALID · DB_* */
export async function groundOf(
  config: Config,
  { connection, env }: { readonly connection: ConnectionConfig; readonly env: NodeJS.ProcessEnv },
): Promise<Ground> {
  return {
    ...{ release: version, journal: journalVersion },
    code: codeOf(config, loadDeclarations(config, sharedEntities)),
    models: modelsOf(config, env),
    database: await databaseMark(connection),
  };
}

/** What agents and tools of the configuration's modules say, promise and do, and what the configuration lets them. */
function codeOf(config: Config, declarations: Declarations): string {
  const { agents, tools, policies } = declarations;
  const { roles, delegation, erpLimit, toolLimits, mcp, http, databases, mail, slack } = config;
  const doings = [
    ...[...agents.values()].map(({ agent }) => String(agent.procedure)),
    ...[...tools.values()].map((tool) => String(tool.handle)),
  ];
  return digest(
    declarations.digest,
    pinnedAgents({ agents, policies }, [...agents.keys()]),
    [...agents.values()].map(({ name, agent }) => [name, agent.limits ?? null]),
    doings,
    { roles, delegation, erpLimit, toolLimits, mcp, http, databases, mail, slack },
  ).toString('hex');
}

/** Where a provider is reached may be different on each machine; which models there are may not. */
function modelsOf({ models }: Config, env: NodeJS.ProcessEnv): string {
  const profiles = Object.entries(chooseProfiles(models, env) ?? {});
  const named = profiles.map(([profile, { targets, choose }]) => [
    ...[profile, choose],
    targets.map(({ provider, model }) => [provider, model]),
  ]);
  return digest(named).toString('hex');
}
