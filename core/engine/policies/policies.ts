import { EngineError } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import { settledRegistry } from '../../sdk/live-registry.ts';
import type { Policy } from '../../sdk/policy/policy.ts';
import { checkPolicyDocument, policyInvalid, policyOf } from '../../sdk/policy/policy-document.ts';
import type { Publication, VersionView } from '../versions/definitions.ts';
import type { Change } from './change.ts';
import { differenceOf } from './difference.ts';
import { faultOf, warningsOf } from './fit.ts';
import type { Ask, Named } from './policy-store.ts';
import { presentCalls } from './present-calls.ts';
import { type Said, type Speaker, Speaking } from './speaking.ts';
import { type PolicyParts, pendingIn, Standings } from './standing.ts';

/** What somebody wants of a policy. */
export interface Wish {
  /** @default of what is published the newest version, of what is rolled back the one before that in force */
  readonly version?: number | undefined;
  /** From when on. @default at once */
  readonly from?: Date | undefined;
}

/** A policy that counts. */
export interface PolicyView {
  readonly policy: Policy;
  /** The module whose code has that name; null: the configuration's, or nobody's. */
  readonly module: string | null;
  /** The version in force; null: the code says it. */
  readonly version: number | null;
  /** Why it would not be let in force as it is now: what is loaded has become other. */
  readonly fault: string | null;
}

/** A word that waits for a second person, with what is wider by it. */
export interface AskView extends Ask {
  readonly changes: readonly Change[];
}

/** A policy with its versions. */
export interface PolicyVersions {
  readonly name: string;
  readonly takes: 'version' | 'code' | 'nothing';
  /** The version in force; null: the code's, or none. */
  readonly version: number | null;
  /** The newest first. */
  readonly versions: readonly VersionView[];
  /** What people have said, the newest first. */
  readonly history: readonly Publication[];
  /** Words whose moment has not come, the one that counts last first. */
  readonly pending: readonly Publication[];
  readonly asks: readonly AskView[];
}

/** What would come of a policy. */
export interface Checked {
  readonly name: string;
  /** Why it would be refused. */
  readonly fault: string | null;
  readonly warnings: readonly string[];
  /** For every call that there can ever be. */
  readonly changes: readonly Change[];
  /** For the agents, tools and companies that there are. */
  readonly calls: readonly Change[];
}

/** The policies of a tenant: what the code says, and the versions that people write, put in force, take back and withdraw. Needs no engine. */
export class Policies {
  readonly #parts: PolicyParts;
  readonly #standings: Standings;
  readonly #speaking: Speaking;

  constructor(parts: PolicyParts) {
    this.#parts = parts;
    this.#standings = new Standings(parts);
    this.#speaking = new Speaking(parts.store, this.#standings);
  }

  /** What counts now, by name. */
  async list(tenantId: number): Promise<readonly PolicyView[]> {
    const registry = await this.#standings.published(tenantId);
    const around = this.#standings.around(registry);
    const modules = settledRegistry(this.#parts.registry).modules;
    const views = registry.policies.map((policy): PolicyView => {
      const { name, version = null } = policy;
      const owner = modules.find((module) => module.policies.some((each) => each.name === name));
      const sets = { before: [], after: registry.policies };
      const fault = version === null ? null : faultOf(name, sets, around);
      return { policy, module: owner?.name ?? null, version, fault };
    });
    return views.toSorted((a, b) => (a.policy.name < b.policy.name ? -1 : 1));
  }

  /** What counts under a name, or a version of it, in force or not. @throws POLICY_UNKNOWN */
  async show(tenantId: number, name: string, version?: number): Promise<readonly Policy[]> {
    if (version !== undefined) return [await this.#standings.stored(tenantId, name, version)];
    const { policies } = await this.#standings.published(tenantId);
    const found = policies.filter((policy) => policy.name === name);
    if (found.length === 0) throw unknown(name);
    return found;
  }

  /** @throws POLICY_UNKNOWN when neither the code nor anybody has such a policy */
  async versions(tenantId: number, name: string): Promise<PolicyVersions> {
    const [versions, standing] = await Promise.all([
      this.#parts.definitions.policies.list(tenantId, name),
      this.#standings.of({ tenantId, name }),
    ]);
    const code = this.#standings.code(name);
    if (versions.length === 0 && code.length === 0) throw unknown(name);
    const version = versions.find(({ inForce }) => inForce)?.version ?? null;
    const takes = version !== null ? 'version' : code.length > 0 ? 'code' : 'nothing';
    const { history } = standing;
    const asks = await this.#parts.store.asks({ tenantId, name });
    const shown = asks.map(async (ask) => {
      return { ...ask, changes: await this.#standings.changes(standing, ask.version) };
    });
    const pending = pendingIn(history);
    return { name, takes, version, versions, history, pending, asks: await Promise.all(shown) };
  }

  /** Stores what somebody has written; nothing is in force by that. The same again is the same version. @throws POLICY_INVALID */
  async draft(
    { tenantId, actor }: Speaker,
    name: string,
    written: unknown,
  ): Promise<{ readonly name: string; readonly version: number; readonly isNew: boolean }> {
    const document = named(checkPolicyDocument(written), name);
    const stored = { data: document, module: null, digest: digest(document) };
    return { name, ...(await this.#parts.definitions.policies.store(tenantId, stored, actor)) };
  }

  /** What is decided otherwise by one version than by another, each beside the other policies that count now. @throws POLICY_UNKNOWN */
  async diff(
    tenantId: number,
    name: string,
    { from, to }: { readonly from: number; readonly to: number },
  ): Promise<readonly Change[]> {
    const standing = await this.#standings.of({ tenantId, name });
    const [before, after] = await Promise.all(
      [from, to].map((version) => this.#standings.with(standing, version)),
    );
    return differenceOf(before as readonly Policy[], after as readonly Policy[]);
  }

  /** What would come of a document, or of a version. Nothing is stored. @throws POLICY_INVALID for what is no policy · POLICY_UNKNOWN */
  async check(
    tenantId: number,
    name: string,
    what: { readonly written?: unknown; readonly version?: number | undefined },
  ): Promise<Checked> {
    const standing = await this.#standings.of({ tenantId, name });
    const { registry, now } = standing;
    const version = what.version ?? (await this.#newest({ tenantId, name }, what.written));
    const policy =
      version === null
        ? (policyOf(0, named(checkPolicyDocument(what.written), name)) as Policy)
        : await this.#standings.stored(tenantId, name, version);
    const after = [...standing.now.filter((each) => each.name !== name), policy];
    const around = this.#standings.around(registry);
    const space = presentCalls(registry, await this.#parts.companies(tenantId));
    return {
      name,
      fault: faultOf(name, { before: now, after }, around),
      warnings: warningsOf(policy, around),
      changes: differenceOf(now, after),
      calls: differenceOf(now, after, space),
    };
  }

  /** Puts a version in force. What is wider by it only asks for a second person. @throws POLICY_UNKNOWN · POLICY_INVALID */
  async publish(speaker: Speaker, name: string, { version, from }: Wish = {}): Promise<Said> {
    const { tenantId } = speaker;
    const wanted = version ?? (await this.#newest({ tenantId, name }));
    if (wanted === null) throw unknown(name);
    const word = { how: 'published', version: wanted, effective: from ?? null } as const;
    return await this.#speaking.say(speaker, name, word);
  }

  /** Puts an older version in force, by default the one before. @throws POLICY_UNKNOWN · POLICY_INVALID */
  async rollBack(speaker: Speaker, name: string, { version, from }: Wish = {}): Promise<Said> {
    const { version: current, versions } = await this.versions(speaker.tenantId, name);
    const before = versions.find((each) => current === null || each.version < current)?.version;
    const wanted = version ?? before;
    if (wanted === undefined)
      throw new EngineError(
        'POLICY_UNKNOWN',
        `Policy '${name}' has no version before this one; let the code decide again: tutti policy withdraw ${name}`,
      );
    const word = { how: 'rolled_back', version: wanted, effective: from ?? null } as const;
    return await this.#speaking.say(speaker, name, word);
  }

  /** Lets the code decide again; of a policy that no code has, nothing is left. @throws POLICY_UNKNOWN · POLICY_INVALID */
  async withdraw(speaker: Speaker, name: string, { from }: Pick<Wish, 'from'> = {}): Promise<Said> {
    await this.versions(speaker.tenantId, name);
    const word = { how: 'released', version: null, effective: from ?? null } as const;
    return await this.#speaking.say(speaker, name, word);
  }

  /**
   * The second person's word on what another has asked for: it counts from now on. `person`: as whom it is said.
   * @throws POLICY_UNKNOWN when nothing of that number waits · APPROVAL_NOT_YOURS for who asked · POLICY_INVALID
   */
  async agree(
    speaker: Speaker & { readonly person: string },
    name: string,
    no: number,
  ): Promise<Said> {
    return await this.#speaking.agree(speaker, name, no);
  }

  /** The newest version; null: there is none, or something else is written. */
  async #newest({ tenantId, name }: Named, written?: unknown): Promise<number | null> {
    if (written !== undefined) return null;
    const [newest] = await this.#parts.definitions.policies.list(tenantId, name);
    if (!newest) throw unknown(name);
    return newest.version;
  }
}

function named<T extends { readonly name: string }>(document: T, name: string): T {
  if (document.name === name) return document;
  throw policyInvalid(
    `'${document.name}'`,
    `is not '${name.slice(0, 64)}'; call it by its own name`,
  );
}

function unknown(name: string): EngineError {
  return new EngineError(
    'POLICY_UNKNOWN',
    `There is no policy '${name.slice(0, 64)}'; see: tutti policy list`,
  );
}
