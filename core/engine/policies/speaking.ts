import { EngineError } from '../../base/errors.ts';
import type { Policy } from '../../sdk/policy/policy.ts';
import { rightOf } from '../approvals/rules.ts';
import type { Actor } from '../run/request.ts';
import type { Change } from './change.ts';
import { differenceOf } from './difference.ts';
import { refuseUnfit, warningsOf } from './fit.ts';
import type { Ask, Named, PolicyStore, Word } from './policy-store.ts';
import { isInForce, pendingIn, type Standing, type Standings } from './standing.ts';

/** Whose policies, and who speaks. */
export interface Speaker {
  readonly tenantId: number;
  readonly actor: Actor;
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

/** Says what people want of policies, or keeps it until a second person says it, too: nothing becomes wider by one word. */
export class Speaking {
  readonly #store: PolicyStore;
  readonly #standings: Standings;

  constructor(store: PolicyStore, standings: Standings) {
    this.#store = store;
    this.#standings = standings;
  }

  /** Says a word, or asks for a second person where it is wider than what counts, or than what is to count. @throws POLICY_INVALID */
  async say(
    { tenantId, actor }: Speaker,
    name: string,
    word: Word & { readonly askedBy?: Actor },
  ): Promise<Said> {
    const { how, version, askedBy } = word;
    const effective =
      word.effective && word.effective.getTime() > Date.now() ? word.effective : null;
    const standing = await this.#standings.of({ tenantId, name });
    const after = await this.#standings.with(standing, version);
    const around = this.#standings.around(standing.registry);
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
    if (!(await this.#store.say({ tenantId, name }, saying, standing.seen)))
      return await this.say({ tenantId, actor }, name, word);
    return { ...said, state: effective === null ? 'in_force' : 'scheduled' };
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
    const asks = await this.#store.asks({ tenantId, name });
    const ask = asks.find((each) => each.no === no);
    if (!ask)
      throw new EngineError(
        'POLICY_UNKNOWN',
        `Nothing of number ${no} waits for a second person at policy '${name}'; see: tutti policy show ${name}`,
      );
    refuseOwn(ask, person);
    return await this.say({ tenantId, actor }, name, { ...ask, askedBy: ask.actor });
  }

  /** The same that the same person has asked for already is not asked twice. */
  async #ask(of: Named, word: Word, actor: Actor): Promise<number> {
    const textOf = ({ how, version, effective }: Word, by: Actor): string =>
      JSON.stringify([how, version, effective, by.id, by.onBehalfOf ?? []]);
    const asks = await this.#store.asks(of);
    const known = asks.find((each) => textOf(each, each.actor) === textOf(word, actor));
    return known?.no ?? (await this.#store.ask(of, word, actor));
  }

  /** Whether policies let happen more than those that count, or than those that are to count and would be taken back by it. */
  async #isWider(standing: Standing, after: readonly Policy[]): Promise<boolean> {
    const pending = pendingIn(standing.history).map(({ version }) =>
      this.#standings.with(standing, version),
    );
    return [standing.now, ...(await Promise.all(pending))].some((before) =>
      differenceOf(before, after).some(({ direction }) => direction === 'wider'),
    );
  }
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
