import { EngineError, toErrorData } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import { doersIn, type WorkflowData } from '../../sdk/node.ts';
import type { RegisteredWorkflow, Registry } from '../../sdk/registry.ts';
import type { Actor } from '../run/request.ts';
import { refuseFaulty } from '../submit.ts';
import { type Definitions, isBuiltIn, type Publication, type VersionView } from './definitions.ts';
import { diffWorkflows, type WorkflowDiff } from './diff.ts';
import { publishedRegistry, registered, withVersions } from './published.ts';

/** Which workflow, and who speaks. */
export interface Spoken {
  readonly tenantId: number;
  readonly name: string;
  readonly actor: Actor;
}

/** What has come of putting a version in force. */
export interface InForceNow {
  readonly name: string;
  /** Null: the loaded code decides. */
  readonly version: number | null;
  /** Whether anything has changed by it. */
  readonly isNew: boolean;
  /** Other workflows that no longer fit, with the first reason; their runs are refused until they do. */
  readonly breaks: readonly { readonly workflow: string; readonly message: string }[];
}

/** A workflow with its versions. */
export interface VersionsView {
  readonly name: string;
  /** What a plain run takes: a version that somebody has put in force, what the loaded code says, or nothing. */
  readonly takes: 'version' | 'code' | 'nothing';
  /** The version that a plain run takes; null for code that has not been run or published yet, and for nothing. */
  readonly version: number | null;
  /** The newest first. */
  readonly versions: readonly VersionView[];
  /** What people have said about them, the newest first. */
  readonly history: readonly Publication[];
}

/** One version as it is. */
export interface VersionData {
  /** Null for code that has not been run or published yet. */
  readonly version: number | null;
  readonly data: WorkflowData;
}

/** Versions of workflows by hand: publish, go back, let the code decide again, look and compare. Needs no engine. */
export class Versions {
  readonly #definitions: Definitions;
  readonly #registry: Registry;

  constructor(definitions: Definitions, registry: Registry) {
    this.#definitions = definitions;
    this.#registry = registry;
  }

  /** The workflows that a tenant's runs may name. */
  async workflows(tenantId: number): Promise<
    readonly {
      readonly name: string;
      readonly module: string | null;
      readonly description: string | null;
      /** The version that somebody has put in force; null: the loaded code decides. */
      readonly inForce: number | null;
    }[]
  > {
    const [{ workflows }, inForce] = await Promise.all([
      publishedRegistry(this.#definitions, this.#registry, { tenantId }),
      this.#definitions.inForce(tenantId),
    ]);
    const versions = new Map(inForce.map(({ name, version }) => [name, version]));
    return [...workflows.values()].map(({ module, data: { name, description = null } }) => {
      return { name, module, description, inForce: versions.get(name) ?? null };
    });
  }

  /** Every stored version of every workflow. */
  all(tenantId: number): Promise<readonly VersionView[]> {
    return this.#definitions.list(tenantId);
  }

  /** @throws WORKFLOW_UNKNOWN */
  async list(tenantId: number, name: string): Promise<VersionsView> {
    const [versions, history] = await Promise.all([
      this.#definitions.list(tenantId, name),
      this.#definitions.publications(tenantId, name),
    ]);
    const code = this.#registry.workflows.get(name);
    if (isBuiltIn(name) || (versions.length === 0 && !code)) throw this.#unknown(name);
    const inForce = versions.find((each) => each.inForce);
    const hex = code?.digest.toString('hex');
    const taken = inForce ?? versions.find((each) => each.digest === hex);
    const takes = inForce ? 'version' : code ? 'code' : 'nothing';
    return { name, takes, version: taken?.version ?? null, versions, history };
  }

  /** A version, or what a plain run takes. @throws WORKFLOW_UNKNOWN */
  async find(tenantId: number, name: string, version?: number): Promise<VersionData> {
    const { takes, ...known } = await this.list(tenantId, name);
    const code = this.#registry.workflows.get(name);
    if (version === undefined && takes === 'code' && code)
      return { version: known.version, data: code.data };
    const wanted = version ?? known.version;
    if (wanted === null) throw this.#unknown(name);
    const { data } = await this.#definitions.version(tenantId, name, wanted);
    return { version: wanted, data };
  }

  /**
   * Stores what the loaded code says of a workflow, or what somebody has written, and puts it in force: from now on plain runs take it,
   * whatever the code says. The same data as before is the same version. Runs that live keep theirs.
   * @throws WORKFLOW_UNKNOWN · WORKFLOW_INVALID and EXPRESSION_INVALID with every fault in the details
   */
  async publish(spoken: Spoken, written?: WorkflowData): Promise<InForceNow> {
    const { tenantId, name, actor } = spoken;
    const code = this.#registry.workflows.get(name);
    if (!written && !code) throw this.#unknown(name);
    const candidate = written
      ? registered({ data: written, digest: digest(written), module: code?.module ?? null })
      : (code as RegisteredWorkflow);
    const breaks = await this.#fit(tenantId, candidate);
    const by = actor.id.slice(0, 200);
    const { version } = await this.#definitions.store(tenantId, candidate, by);
    return { ...(await this.#say(spoken, 'published', version)), breaks };
  }

  /**
   * Puts an older version in force, by default the one before what a plain run takes now, until something is published again.
   * @throws WORKFLOW_UNKNOWN · WORKFLOW_INVALID when it no longer fits what is loaded, with every fault in the details
   */
  async rollBack(spoken: Spoken, to?: number): Promise<InForceNow> {
    const { tenantId, name } = spoken;
    const version = to ?? (await this.#before(tenantId, name));
    if (isBuiltIn(name)) throw this.#unknown(name);
    const stored = await this.#definitions.version(tenantId, name, version);
    const breaks = await this.#fit(tenantId, registered(stored));
    return { ...(await this.#say(spoken, 'rolled_back', version)), breaks };
  }

  /** Lets the loaded code decide again; a workflow that no code has can then only be run by its version. @throws WORKFLOW_UNKNOWN */
  async release(spoken: Spoken): Promise<InForceNow> {
    await this.list(spoken.tenantId, spoken.name);
    return { ...(await this.#say(spoken, 'released', null)), breaks: [] };
  }

  /** @throws WORKFLOW_UNKNOWN */
  async diff(
    tenantId: number,
    name: string,
    { from, to }: { readonly from: number; readonly to: number },
  ): Promise<WorkflowDiff> {
    if (isBuiltIn(name)) throw this.#unknown(name);
    const [before, after] = await Promise.all(
      [from, to].map((version) => this.#definitions.version(tenantId, name, version)),
    );
    return diffWorkflows((before as VersionData).data, (after as VersionData).data);
  }

  async #say(
    { tenantId, name, actor }: Spoken,
    how: Publication['how'],
    version: number | null,
  ): Promise<Omit<InForceNow, 'breaks'>> {
    const inForce = await this.#definitions.inForce(tenantId);
    const current = inForce.find((each) => each.name === name)?.version ?? null;
    const isNew = current !== version;
    if (isNew) await this.#definitions.say(tenantId, name, { how, version, actor });
    return { name, version, isNew };
  }

  async #before(tenantId: number, name: string): Promise<number> {
    const { version, versions } = await this.list(tenantId, name);
    const earlier = versions.find((each) => version === null || each.version < version);
    if (earlier) return earlier.version;
    throw new EngineError(
      'WORKFLOW_UNKNOWN',
      `Workflow '${name}' has no version before ${version === null ? 'its code' : `version ${version}`}; name one (--to), see: tutti workflow versions ${name}`,
    );
  }

  /** Checks a version among those that would be in force with it; returns whom it would break. @throws WORKFLOW_INVALID · EXPRESSION_INVALID */
  async #fit(tenantId: number, candidate: RegisteredWorkflow): Promise<InForceNow['breaks']> {
    const { name } = candidate.data;
    const before = await publishedRegistry(this.#definitions, this.#registry, { tenantId });
    const after = withVersions(before, [candidate]);
    refuseFaulty(after, candidate);
    const callers = [...after.workflows.values()].filter(
      ({ data }) => data.name !== name && calls(data, name),
    );
    return callers.flatMap((caller) => {
      const message = faultOf(after, caller);
      const wasFaulty = message !== null && faultOf(before, caller) !== null;
      return message === null || wasFaulty ? [] : [{ workflow: caller.data.name, message }];
    });
  }

  #unknown(name: string): EngineError {
    const known = [...this.#registry.workflows.keys()].join(', ');
    return new EngineError(
      'WORKFLOW_UNKNOWN',
      `There is no workflow '${name.slice(0, 64)}'; known are ${known || 'none'}.`,
    );
  }
}

function calls({ nodes }: WorkflowData, name: string): boolean {
  return doersIn(nodes).some((node) => node.kind === 'workflow' && node.workflow === name);
}

function faultOf(registry: Registry, workflow: RegisteredWorkflow): string | null {
  try {
    refuseFaulty(registry, workflow);
    return null;
  } catch (error) {
    return toErrorData(error).message;
  }
}
