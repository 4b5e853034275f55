import { EngineError } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import { personsOf } from '../../guard/actor.ts';
import type { Config } from '../../ports/config.ts';
import {
  type AgentDocument,
  checkAgentDocument,
  ownName,
  shortName,
} from '../../sdk/agent-document.ts';
import { agentOf } from '../../sdk/made-agent.ts';
import type { RegisteredAgent, Registry } from '../../sdk/registry.ts';
import { rolesOf } from '../../sdk/tool-access.ts';
import type { SettingStore } from '../recovery/setting-store.ts';
import type { Actor } from '../run/request.ts';
import { accessOf } from '../tools/grants.ts';
import type { Definitions, Publication, VersionView } from '../versions/definitions.ts';
import { judgingRegistry, publishedRegistry, withAgents } from '../versions/published.ts';
import { agentUnknown } from './agent-unknown.ts';
import {
  type AgentDetail,
  type AgentView,
  detailOf,
  isShown,
  madeDetail,
  madeView,
  viewOf,
} from './agent-view.ts';
import { type Broken, brokenBy, checkAgent } from './check-agent.ts';

/** Whose agents, and who speaks. */
export interface Speaking {
  readonly tenantId: number;
  readonly actor: Actor;
}

/** The version that whoever asks has seen in force: where another is by now, nothing changes. @default whichever is */
export interface Seen {
  readonly version?: number | undefined;
}

/** An agent that has been made, changed or taken back. */
export interface MadeNow {
  readonly agent: AgentDetail;
  /** Whether anything has changed by it. */
  readonly isNew: boolean;
  /** What people should know: text from outside, sensitive data and an effect in one hand. */
  readonly warnings: readonly string[];
  /** Workflows that name it and do not fit it as it is now; their new runs are refused until they do. */
  readonly breaks: readonly Broken[];
}

/** An agent that people have made, with its versions. */
export interface AgentVersions {
  readonly name: string;
  /** The version in force; null: it is deleted. */
  readonly version: number | null;
  /** The newest first. */
  readonly versions: readonly VersionView[];
  /** What people have said about them, the newest first; `released`: deleted. */
  readonly history: readonly Publication[];
}

/** A document that is to be in force. */
interface Putting {
  readonly document: AgentDocument;
  /** The version that is in force now. */
  readonly after: number | null;
  readonly how: 'published' | 'rolled_back';
}

/** Which agents are listed. */
export interface AgentFilter {
  readonly module?: string | undefined;
  /** Name of a capability. */
  readonly capability?: string | undefined;
}

/** What agents are kept with. */
export interface AgentParts {
  readonly definitions: Definitions;
  readonly registry: Registry;
  readonly config: Pick<Config, 'roles'>;
  readonly settings: Pick<SettingStore, 'get'>;
}

/** The agents of a tenant: those of the loaded code, and those that people make, change, clone and delete. Needs no engine. */
export class Agents {
  readonly #parts: AgentParts;
  readonly #own: Definitions<AgentDocument>;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#own = parts.definitions.agents;
  }

  /** By name; of those that people have made also such that no longer fit what is loaded, with the reason. */
  async list(tenantId: number, filter: AgentFilter = {}): Promise<readonly AgentView[]> {
    const inForce = await this.#own.inForce(tenantId);
    const stored = inForce.map(({ name, version }) => this.#own.version(tenantId, name, version));
    const registry = await this.#judging(tenantId);
    const made = (await Promise.all(stored)).map((each) => madeView(registry, each));
    const loaded = [...this.#parts.registry.agents.values()].filter(isShown).map(viewOf);
    const { module, capability } = filter;
    return [...loaded, ...made]
      .filter((each) => module === undefined || each.module === module)
      .filter(
        ({ capabilities }) =>
          capability === undefined || capabilities.some(({ name }) => name === capability),
      )
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** One agent as it is now, or a version of one that people have made, deleted or not. @throws AGENT_UNKNOWN */
  async show(tenantId: number, name: string, version?: number): Promise<AgentDetail> {
    const { registry } = this.#parts;
    const loaded = registry.agents.get(name);
    if (loaded && isShown(loaded) && version === undefined) return detailOf(loaded);
    const short = this.#shortOf(name);
    const wanted = version ?? (await this.#inForce(tenantId, short));
    if (wanted === null) throw unknown(name);
    const stored = await this.#own.version(tenantId, short, wanted);
    return madeDetail(await this.#judging(tenantId), stored);
  }

  /** @throws AGENT_UNKNOWN when there has never been such an agent */
  async versions(tenantId: number, name: string): Promise<AgentVersions> {
    const short = this.#shortOf(name);
    const [versions, history] = await Promise.all([
      this.#own.list(tenantId, short),
      this.#own.publications(tenantId, short),
    ]);
    if (versions.length === 0) throw unknown(name);
    const version = versions.find(({ inForce }) => inForce)?.version ?? null;
    return { name: ownName(short), version, versions, history };
  }

  /** Makes an agent; a name that was deleted may be taken again. @throws AGENT_INVALID · AGENT_CONFLICT when it is there already */
  async create(speaking: Speaking, written: unknown): Promise<MadeNow> {
    const document = checkAgentDocument(written);
    return await this.#put(speaking, { document, after: null, how: 'published' });
  }

  /** Puts another document in the place of an agent's; runs that live keep what they began with. @throws AGENT_UNKNOWN · AGENT_INVALID · AGENT_CONFLICT */
  async change(
    speaking: Speaking,
    name: string,
    { written, version }: Seen & { readonly written: unknown },
  ): Promise<MadeNow> {
    const short = this.#shortOf(name);
    const current = await this.#seen(speaking.tenantId, short, version);
    const document = checkAgentDocument({ ...Object(written), name: short });
    return await this.#put(speaking, { document, after: current, how: 'published' });
  }

  /** The document of an agent with some members replaced; one that is null goes back to the template's. @throws AGENT_UNKNOWN · AGENT_INVALID · AGENT_CONFLICT */
  async amend(
    speaking: Speaking,
    name: string,
    { changes, version }: Seen & { readonly changes: Readonly<Record<string, unknown>> },
  ): Promise<MadeNow> {
    const now = await this.show(speaking.tenantId, ownName(this.#shortOf(name)));
    const written = amended(now.document, changes);
    // Nothing is overwritten that came after what has been read here.
    return await this.change(speaking, name, {
      written,
      version: version ?? now.version ?? undefined,
    });
  }

  /** Makes an agent of another: of one that people have made from its document, of a loaded one by naming it as template. @throws AGENT_UNKNOWN · AGENT_INVALID · AGENT_CONFLICT */
  async clone(
    speaking: Speaking,
    from: string,
    {
      name,
      changes = {},
    }: { readonly name: string; readonly changes?: Readonly<Record<string, unknown>> },
  ): Promise<MadeNow> {
    const { document, name: template } = await this.show(speaking.tenantId, from);
    return await this.create(speaking, { ...amended(document ?? { template }, changes), name });
  }

  /** New runs find it no more; those that live go on with it. @throws AGENT_UNKNOWN · AGENT_CONFLICT */
  async delete(
    { tenantId, actor }: Speaking,
    name: string,
    { version }: Seen = {},
  ): Promise<{
    readonly name: string;
    readonly version: number;
    readonly breaks: MadeNow['breaks'];
  }> {
    const short = this.#shortOf(name);
    const current = await this.#seen(tenantId, short, version);
    await this.#say(tenantId, short, { how: 'released', version: null, actor, after: current });
    const after = await this.#published(tenantId);
    return { name: ownName(short), version: current, breaks: brokenBy(after, ownName(short)) };
  }

  /** Puts an older version in force, by default the one before; also of an agent that is deleted. @throws AGENT_UNKNOWN · AGENT_INVALID · AGENT_CONFLICT */
  async rollBack(speaking: Speaking, name: string, to?: number): Promise<MadeNow> {
    const { tenantId } = speaking;
    const { version: current, versions } = await this.versions(tenantId, name);
    const before = versions.find((each) => current === null || each.version < current);
    const version = to ?? before?.version;
    const short = this.#shortOf(name);
    if (version === undefined)
      throw agentUnknown(`Agent '${short}' has no version before this one.`);
    const { data } = await this.#own.version(tenantId, short, version);
    return await this.#put(speaking, { document: data, after: current, how: 'rolled_back' });
  }

  /** Stores a document and puts it in force. */
  async #put({ tenantId, actor }: Speaking, { document, after, how }: Putting): Promise<MadeNow> {
    const { registry, config, settings } = this.#parts;
    const hash = digest(document);
    const made = (version: number): RegisteredAgent =>
      agentOf({ version, digest: hash.toString('hex'), document }, registry);
    const grants = await accessOf(settings, tenantId);
    // As the guard counts them at a call: those of the account and of the person for whom it speaks.
    const persons = actor.kind === 'person' ? personsOf({ askedBy: actor }) : [];
    const roles = persons.flatMap((each) => rolesOf(each, config.roles ?? {}));
    const published = await this.#published(tenantId);
    const warnings = checkAgent(made(0), { registry: published, grants, roles });
    const breaks = brokenBy(withAgents(published, [made(0)]), ownName(document.name));
    const { name } = document;
    if (after === null && (await this.#inForce(tenantId, name)) !== null) throw taken(name);
    const stored = { data: document, module: null, digest: hash };
    const { version } = await this.#own.store(tenantId, stored, actor.id.slice(0, 200));
    const isNew = version !== after;
    if (isNew) await this.#say(tenantId, name, { how, version, actor, after });
    return { agent: detailOf(made(version)), isNew, warnings, breaks };
  }

  async #say(
    tenantId: number,
    name: string,
    saying: Parameters<Definitions['say']>[2],
  ): Promise<void> {
    if (await this.#own.say(tenantId, name, saying)) return;
    throw saying.after === null ? taken(name) : changed(name);
  }

  /** @throws AGENT_UNKNOWN · AGENT_CONFLICT */
  async #seen(tenantId: number, name: string, seen: number | undefined): Promise<number> {
    const current = await this.#inForce(tenantId, name);
    if (current === null) throw unknown(ownName(name));
    if (seen === undefined || seen === current) return current;
    throw changed(name, ` It is version ${current} now, not ${seen}.`);
  }

  async #inForce(tenantId: number, name: string): Promise<number | null> {
    const inForce = await this.#own.inForce(tenantId);
    return inForce.find((each) => each.name === name)?.version ?? null;
  }

  #judging(tenantId: number): Promise<Registry> {
    return judgingRegistry(this.#parts.definitions, this.#parts.registry, tenantId);
  }

  #published(tenantId: number): Promise<Registry> {
    return publishedRegistry(this.#parts.definitions, this.#parts.registry, { tenantId });
  }

  /** The name in its document of an agent that people may change; they may leave the module out. @throws AGENT_UNKNOWN · AGENT_CONFLICT for a loaded one */
  #shortOf(name: string): string {
    const short = shortName(name);
    if (short !== null) return short;
    const loaded = this.#parts.registry.agents.get(name);
    if (loaded && isShown(loaded))
      throw new EngineError(
        'AGENT_CONFLICT',
        `Agent '${name}' is of the loaded code and has no versions here; clone it under a name of your own.`,
      );
    if (name.includes('.') || name.includes(':')) throw unknown(name);
    return name;
  }
}

/** A document with some members replaced; null takes one out. */
function amended(
  document: object | null,
  changes: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const all = Object.entries({ ...document, ...changes });
  return Object.fromEntries(all.filter(([, value]) => value !== null && value !== undefined));
}

function unknown(name: string): EngineError {
  return agentUnknown(`There is no agent '${name.slice(0, 80)}'; see: tutti agent list`);
}

function taken(name: string): EngineError {
  return new EngineError(
    'AGENT_CONFLICT',
    `There is an agent '${ownName(name)}' already; change it, or take another name.`,
  );
}

function changed(name: string, how = ''): EngineError {
  return new EngineError(
    'AGENT_CONFLICT',
    `Agent '${ownName(name)}' has been changed by somebody else meanwhile.${how} See: tutti agent show ${name}`,
  );
}
