import { systemClock } from '../../core/base/clock.ts';
import { EngineError } from '../../core/base/errors.ts';
import type { Config } from '../../core/ports/config.ts';
import { AuthorityReader } from '../../core/ports/db/authority.ts';
import { openPool } from '../../core/ports/db/connection.ts';
import {
  type AskingStep,
  type Doings,
  type LineageQuestion,
  readDoings,
} from '../../core/ports/db/lineage.ts';
import { type Proposal, readProposal } from '../../core/ports/db/proposal.ts';
import type { DeclaredModules } from '../../core/ports/dispatcher.ts';
import type { Connector } from '../../core/ports/erp/connector.ts';
import { embeddedConnector } from '../../core/ports/erp/embedded.ts';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import type { Freshness } from '../../core/ports/erp/freshness.ts';
import { KnownReads } from '../../core/ports/erp/known-reads.ts';
import type { ModelTarget } from '../../core/ports/models/model.ts';
import { hasKey, loadProviders } from '../../core/ports/models/open.ts';
import type { Profiles } from '../../core/ports/models/profiles.ts';
import { readModules, withModules } from '../../core/ports/module-code.ts';
import { type OpenedOutside, openOutside } from '../../core/ports/outside.ts';
import { readyConfig } from '../../core/ports/settle-config.ts';
import type { Authority } from '../../core/sdk/authority.ts';
import { type Declarations, loadDeclarations } from '../../core/sdk/registry.ts';
import type { ThreadSetup } from '../pool/lane.ts';

/** What a thread runs agents with. */
export interface Loaded {
  /** Of what was declared last. */
  readonly registry: Declarations;
  readonly config: Config;
  /** Loads other modules than before; what runs goes on with what it has. @throws MODULE_INVALID: everything is as it was */
  readonly declare: (declared: DeclaredModules) => Promise<void>;
  readonly profiles: Profiles | null;
  /** The ERP of a tenant. */
  readonly connector: (tenantId: number) => Connector;
  /** What its runs have read of the ERP; null where every read asks. */
  readonly known: KnownReads | null;
  /** What has been done to documents. */
  readonly doings: (step: AskingStep, question: LineageQuestion) => Promise<Doings>;
  /** What was asked for under a key, to be carried out. */
  readonly proposal: (tenantId: number, key: string) => Promise<Proposal>;
  /** What is set at run time for a tenant. */
  readonly authority: (tenantId: number) => Promise<Authority>;
  /** What lies beyond the ERP. */
  readonly outside: OpenedOutside;
}

/** The targets of a profile, in order. */
export function targetsOf(profile: Profiles[keyof Profiles] | ModelTarget): readonly ModelTarget[] {
  return 'targets' in profile ? profile.targets : [profile];
}

/** Loads the modules, and what models are called with; nothing is connected before it is used. @throws MODULE_INVALID and what the modules throw */
export async function load(
  setup: ThreadSetup,
  freshness: Freshness | null = null,
): Promise<Loaded> {
  const { default: file } = (await import(setup.configUrl)) as { readonly default: unknown };
  const env = { ...process.env, ...(setup.profile && { TUTTI_PROFILE: setup.profile }) };
  const config = readyConfig(file, { env, where: setup.configUrl });
  const source = { config, configUrl: setup.configUrl };
  let registry = await declarationsOf(source, setup);
  const connection = setup.connection as Parameters<typeof openPool>[0];
  // On a busy thread calls wait for each other; each has a deadline of its own.
  const pool = openPool(connection, 'tutti_tenant', { size: 2, waitMs: 60_000 });
  let connectors = new Map<number, Connector>();
  const connector = (tenantId: number): Connector => {
    const known = connectors.get(tenantId);
    if (known) return known;
    const made = embeddedConnector({ pool, tenantId, entities: [...registry.entities.values()] });
    connectors.set(tenantId, made);
    return made;
  };
  const { enabled = true, seconds = {}, megabytes = 16 } = config.erpCache ?? {};
  const known =
    enabled && freshness
      ? new KnownReads({
          secondsOf: (name) => seconds[name] ?? registry.entities.get(name)?.mayBeOldSeconds ?? 0,
          ...{ freshness, clock: systemClock, maxBytes: megabytes * 1_000_000 },
        })
      : null;
  const doings: Loaded['doings'] = (step, question) => readDoings(pool, step, question);
  const proposal: Loaded['proposal'] = (tenantId, key) => readProposal(pool, tenantId, key);
  const authorities = new AuthorityReader(pool);
  const authority: Loaded['authority'] = (tenantId) => authorities.of(tenantId);
  const profiles = setup.profiles as Profiles | null;
  // A cold thread that got hundreds of permits at once would load for longer than the watchdog has patience.
  const targets = Object.values(profiles ?? {}).flatMap(targetsOf);
  const called = targets.filter((each) => !config.providers?.[each.provider]);
  // What nobody has a key for is simulated, or not called at all.
  await loadProviders(called.filter((each) => hasKey(each, process.env)));
  const outside = openOutside(config, { dataFolder: setup.dataFolder, env: process.env });
  return {
    get registry() {
      return registry;
    },
    async declare(declared) {
      registry = await declarationsOf(source, declared);
      // They know the entities that there were.
      connectors = new Map();
      known?.clear();
    },
    ...{ config, profiles, connector, known, doings, proposal, authority, outside },
  };
}

async function declarationsOf(
  { config, configUrl }: { readonly config: Config; readonly configUrl: string },
  { modules = [], digest }: Pick<ThreadSetup, 'modules' | 'digest'>,
): Promise<Declarations> {
  const read = await readModules({ config, configUrl }, modules);
  const declarations = loadDeclarations(withModules(config, read), sharedEntities);
  if (declarations.digest === digest) return declarations;
  throw new EngineError(
    'MODULE_INVALID',
    'A worker thread loaded other declarations than the engine; restart after the files have settled.',
  );
}
