import { EngineError } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';
import type { Config } from '../../ports/config.ts';
import { settledRegistry } from '../../sdk/live-registry.ts';
import type { Policy } from '../../sdk/policy.ts';
import { checkPolicyDocument, policyInvalid, policyOf } from '../../sdk/policy-document.ts';
import type { Registry } from '../../sdk/registry.ts';
import { rightOf } from '../approvals/rules.ts';
import type { Actor } from '../run/request.ts';
import type { Definitions, Publication, VersionView } from '../versions/definitions.ts';
import { publishedRegistry, storedPolicy } from '../versions/published.ts';
import type { Change } from './change.ts';
import { differenceOf } from './difference.ts';
import { type Around, faultOf, refuseUnfit, warningsOf } from './fit.ts';
import type { Ask, Named, PolicyStore, Word } from './policy-store.ts';
import { presentCalls } from './present-calls.ts';

/** Whose policies, and who speaks. */
export interface Speaker {
  readonly tenantId: number;
  readonly actor: Actor;
}

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

/** What has come of a word. */
export interface Said {
  readonly name: string;
  /** Null: the code's again, or none. */
  readonly version: number | null;
  /** `asked`: it is wider, and waits for a second person. `same`: it is in force already. */
  readonly state: 'in_force' | 'scheduled' | 'asked' | 'same';
  readonly from: Date | null;
  /** Number of the ask that a second person agrees to. */
  readonly ask: number | null;
  /** What is decided otherwise by it. */
  readonly changes: readonly Change[];
  readonly warnings: readonly string[];
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

/** What policies are kept with. */
export interface PolicyParts {
  readonly definitions: Definitions;
  readonly store: PolicyStore;
  readonly registry: Registry;
  readonly config: Pick<Config, 'roles'>;
  /** Codes of a tenant's companies. */
  readonly companies: (tenantId: number) => Promise<readonly string[]>;
}

/** How things stand where a policy is looked at. */
interface Standing extends Named {
  readonly registry: Registry;
  /** What counts now. */
  readonly now: readonly Policy[];
  readonly history: readonly Publication[];
  readonly seen: number;
}

/** The policies of a tenant: what the code says, and the versions that people write, put in force, take back and withdraw. Needs no engine. */
export class Policies {
  readonly #parts: PolicyParts;

  constructor(parts: PolicyParts) {
    this.#parts = parts;
  }

  /** What counts now, by name. */
  async list(tenantId: number): Promise<readonly PolicyView[]> {
    const registry = await this.#published(tenantId);
    const around = this.#around(registry);
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
    if (version !== undefined) return [await this.#stored(tenantId, name, version)];
    const { policies } = await this.#published(tenantId);
    const found = policies.filter((policy) => policy.name === name);
    if (found.length === 0) throw unknown(name);
    return found;
  }

  /** @throws POLICY_UNKNOWN when neither the code nor anybody has such a policy */
  async versions(tenantId: number, name: string): Promise<PolicyVersions> {
    const [versions, standing] = await Promise.all([
      this.#parts.definitions.policies.list(tenantId, name),
      this.#standing({ tenantId, name }),
    ]);
    const code = this.#code(name);
    if (versions.length === 0 && code.length === 0) throw unknown(name);
    const version = versions.find(({ inForce }) => inForce)?.version ?? null;
    const takes = version !== null ? 'version' : code.length > 0 ? 'code' : 'nothing';
    const { history } = standing;
    const asks = await this.#parts.store.asks({ tenantId, name });
    const shown = asks.map(async (ask) => {
      return { ...ask, changes: await this.#changes(standing, ask.version) };
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
    const standing = await this.#standing({ tenantId, name });
    const [before, after] = await Promise.all(
      [from, to].map((version) => this.#with(standing, version)),
    );
    return differenceOf(before as readonly Policy[], after as readonly Policy[]);
  }

  /** What would come of a document, or of a version. Nothing is stored. @throws POLICY_INVALID for what is no policy · POLICY_UNKNOWN */
  async check(
    tenantId: number,
    name: string,
    what: { readonly written?: unknown; readonly version?: number | undefined },
  ): Promise<Checked> {
    const standing = await this.#standing({ tenantId, name });
    const { registry, now } = standing;
    const version = what.version ?? (await this.#newest({ tenantId, name }, what.written));
    const policy =
      version === null
        ? (policyOf(0, named(checkPolicyDocument(what.written), name)) as Policy)
        : await this.#stored(tenantId, name, version);
    const after = [...standing.now.filter((each) => each.name !== name), policy];
    const around = this.#around(registry);
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
    return await this.#say(speaker, name, word);
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
    return await this.#say(speaker, name, word);
  }

  /** Lets the code decide again; of a policy that no code has, nothing is left. @throws POLICY_UNKNOWN · POLICY_INVALID */
  async withdraw(speaker: Speaker, name: string, { from }: Pick<Wish, 'from'> = {}): Promise<Said> {
    await this.versions(speaker.tenantId, name);
    const word = { how: 'released', version: null, effective: from ?? null } as const;
    return await this.#say(speaker, name, word);
  }

  /**
   * The second person's word on what another has asked for: it counts from now on. `person`: as whom it is said.
   * @throws POLICY_UNKNOWN when nothing of that number waits · APPROVAL_NOT_YOURS for who asked · POLICY_INVALID
   */
  async agree(
    { tenantId, actor, person }: Speaker & { readonly person: string },
    name: string,
    no: number,
  ): Promise<Said> {
    const asks = await this.#parts.store.asks({ tenantId, name });
    const ask = asks.find((each) => each.no === no);
    if (!ask)
      throw new EngineError(
        'POLICY_UNKNOWN',
        `Nothing of number ${no} waits for a second person at policy '${name}'; see: tutti policy show ${name}`,
      );
    refuseOwn(ask, person);
    return await this.#say({ tenantId, actor }, name, { ...ask, askedBy: ask.actor });
  }

  /** Says a word, or asks for a second person where it is wider than what counts, or than what is to count. @throws POLICY_INVALID */
  async #say(
    { tenantId, actor }: Speaker,
    name: string,
    word: Word & { readonly askedBy?: Actor },
  ): Promise<Said> {
    const { store } = this.#parts;
    const { how, version, askedBy } = word;
    const effective =
      word.effective && word.effective.getTime() > Date.now() ? word.effective : null;
    const standing = await this.#standing({ tenantId, name });
    const after = await this.#with(standing, version);
    const around = this.#around(standing.registry);
    refuseUnfit(name, { before: standing.now, after }, around);
    const changes = differenceOf(standing.now, after);
    const warnings = after
      .filter((each) => each.name === name)
      .flatMap((each) => warningsOf(each, around));
    const said = { name, version, from: effective, ask: null, changes, warnings };
    if (isInForce(standing, version, effective)) return { ...said, state: 'same' };
    if (!askedBy && (await this.#isWider(standing, after))) {
      const ask = await this.#ask({ tenantId, name }, { how, version, effective }, actor);
      return { ...said, state: 'asked', ask };
    }
    const saying = { how, version, actor, effective, askedBy: askedBy ?? null };
    if (!(await store.say({ tenantId, name }, saying, standing.seen)))
      return await this.#say({ tenantId, actor }, name, word);
    return { ...said, state: effective === null ? 'in_force' : 'scheduled' };
  }

  /** The same that the same person has asked for already is not asked twice. */
  async #ask(of: Named, word: Word, actor: Actor): Promise<number> {
    const { store } = this.#parts;
    const textOf = ({ how, version, effective }: Word, by: Actor): string =>
      JSON.stringify([how, version, effective, by.id, by.onBehalfOf ?? []]);
    const asks = await store.asks(of);
    const known = asks.find((each) => textOf(each, each.actor) === textOf(word, actor));
    return known?.no ?? (await store.ask(of, word, actor));
  }

  /** Whether policies let happen more than those that count, or than those that are to count and would be taken back by it. */
  async #isWider(standing: Standing, after: readonly Policy[]): Promise<boolean> {
    const pending = pendingIn(standing.history).map(({ version }) => this.#with(standing, version));
    return [standing.now, ...(await Promise.all(pending))].some((before) =>
      differenceOf(before, after).some(({ direction }) => direction === 'wider'),
    );
  }

  async #changes(standing: Standing, version: number | null): Promise<readonly Change[]> {
    return differenceOf(standing.now, await this.#with(standing, version));
  }

  /** What would count with a version of the policy, or with what the code says of it. */
  async #with(
    { tenantId, name, now }: Standing,
    version: number | null,
  ): Promise<readonly Policy[]> {
    const own = version === null ? this.#code(name) : [await this.#stored(tenantId, name, version)];
    return [...now.filter((policy) => policy.name !== name), ...own];
  }

  async #standing({ tenantId, name }: Named): Promise<Standing> {
    const { store, definitions } = this.#parts;
    // Counted first: whatever is said after that is noticed before anything is said here.
    const seen = await store.count(tenantId);
    const [registry, history] = await Promise.all([
      this.#published(tenantId),
      definitions.policies.publications(tenantId, name),
    ]);
    return { tenantId, name, registry, now: registry.policies, history, seen };
  }

  async #stored(tenantId: number, name: string, version: number): Promise<Policy> {
    return storedPolicy(await this.#parts.definitions.policies.version(tenantId, name, version));
  }

  /** The newest version; null: there is none, or something else is written. */
  async #newest({ tenantId, name }: Named, written?: unknown): Promise<number | null> {
    if (written !== undefined) return null;
    const [newest] = await this.#parts.definitions.policies.list(tenantId, name);
    if (!newest) throw unknown(name);
    return newest.version;
  }

  #code(name: string): readonly Policy[] {
    return settledRegistry(this.#parts.registry).policies.filter((each) => each.name === name);
  }

  #published(tenantId: number): Promise<Registry> {
    return publishedRegistry(this.#parts.definitions, this.#parts.registry, { tenantId });
  }

  #around(registry: Registry): Around {
    return { registry, roles: this.#parts.config.roles ?? {} };
  }
}

/** Words whose moment has not come, down to the one that counts. */
function pendingIn(history: readonly Publication[]): readonly Publication[] {
  const isPending = ({ effective }: Publication): boolean =>
    effective !== null && effective.getTime() > Date.now();
  const counting = history.findIndex((each) => !isPending(each));
  return counting < 0 ? history : history.slice(0, counting);
}

function isInForce(
  { now, name, history }: Standing,
  version: number | null,
  effective: Date | null,
): boolean {
  if (effective !== null || pendingIn(history).length > 0) return false;
  const inForce = now.find((policy) => policy.name === name && policy.version !== undefined);
  return (inForce?.version ?? null) === version;
}

/** Nobody agrees to what they, or whoever acts for them, have asked for. */
function refuseOwn({ actor, no }: Ask, person: string): void {
  const terms = { deciders: [person], requester: actor, required: 1 };
  if (rightOf(person, terms, { roles: {}, handed: [], votes: [] }).kind !== 'none') return;
  throw new EngineError(
    'APPROVAL_NOT_YOURS',
    `'${person}' has asked for number ${no}; a second person must agree to what is wider.`,
  );
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
