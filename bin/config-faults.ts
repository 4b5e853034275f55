import { toErrorData } from '../core/base/errors.ts';
import { retentionPolicy } from '../core/engine/retention/policy.ts';
import type { Config } from '../core/ports/config.ts';
import { configVariables } from '../core/ports/config-environment.ts';
import { checkDatabaseUrl } from '../core/ports/db/connection.ts';
import { sharedEntities } from '../core/ports/erp/entities.ts';
import { openSeal, sealVariable } from '../core/ports/seal.ts';
import { readSecret } from '../core/ports/secret.ts';
import type { SettledConfig } from '../core/ports/settle-config.ts';
import { loadRegistry } from '../core/sdk/registry.ts';

/** Everything that is wrong with a configuration in this environment, as sentences: what its schema says, then what those who use its parts say. */
export async function faultsOf(
  { config, faults }: SettledConfig,
  env: NodeJS.ProcessEnv,
): Promise<readonly string[]> {
  // What is no configuration at all would be told twice.
  if (faults.length > 0) return [...faults, ...(await collect(secretChecks(env)))];
  return collect([...secretChecks(env), ...(await ownersChecks(config, env))]);
}

type Check = () => unknown;

async function collect(checks: readonly Check[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const check of checks) {
    try {
      await check();
    } catch (error) {
      found.push(toErrorData(error).message);
    }
  }
  return found;
}

function secretChecks(env: NodeJS.ProcessEnv): readonly Check[] {
  const secrets = configVariables.filter(({ isSecret }) => isSecret);
  return secrets.map(({ name }) => () => {
    if (name === sealVariable) return openSeal(env);
    const secret = readSecret(name, env);
    return name === 'DATABASE_URL' && secret ? checkDatabaseUrl(secret) : secret;
  });
}

/** Each by itself, so that one does not hide the next. */
async function ownersChecks(config: Config, env: NodeJS.ProcessEnv): Promise<readonly Check[]> {
  const [egress, mcp, hooks, issuers, endpoints, tokens, masters] = await Promise.all([
    import('../core/ports/http/egress.ts'),
    import('../core/ports/mcp/servers.ts'),
    import('../core/service/hooks/sources.ts'),
    import('../core/service/identity/issuers.ts'),
    import('../core/service/webhooks/endpoints.ts'),
    import('../core/service/mcp/tokens.ts'),
    import('../core/ports/encryption/master-keys.ts'),
  ]);
  const { serve } = config.mcp ?? {};
  const { encryption } = config;
  return [
    () => loadRegistry(config, sharedEntities),
    () => retentionPolicy(config.retention),
    () => egress.openEgress(config.http ?? {}),
    () => egress.openEgress(endpoints.egressOf(config.webhooks)),
    ...each(config.mcp?.servers, (one) => mcp.checkServers(one)),
    ...each(config.hooks?.sources, (sources) => hooks.openSources({ sources }, env)),
    ...(config.api?.issuers ?? []).map((issuer) => () => issuers.openIssuers([issuer])),
    ...(encryption ? [() => masters.readMasterKeys(encryption, env)] : []),
    ...(serve ? [() => new tokens.Tokens(serve, async () => false)] : []),
  ];
}

function each<T>(
  all: Readonly<Record<string, T>> | undefined,
  check: (one: Readonly<Record<string, T>>) => unknown,
): readonly Check[] {
  return Object.entries(all ?? {}).map(
    ([name, value]) =>
      () =>
        check({ [name]: value }),
  );
}
