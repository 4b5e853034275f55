import { personOf } from '../../base/person.ts';
import type { Terms as TierTerms } from '../../sdk/policy/tier.ts';

/*
 * Who may decide, and what the votes come to. Pure; persons are compared by personOf.
 */

/** Who holds which role. */
export type Roles = Readonly<Record<string, readonly string[]>>;

/** Who asks, the persons for whom, and the agent that wants it done. */
export interface Requester {
  readonly id: string;
  readonly onBehalfOf?: readonly string[];
  readonly agent?: string;
}

/** What a question asks of its deciders. */
export interface Terms {
  /** Names of roles or persons. A name that is a role's is no person's. */
  readonly deciders: readonly string[];
  readonly requester: Requester;
  /** Yeses of different people. */
  readonly required: number;
}

/** A right that is handed on, and holds now. */
export interface Handed {
  readonly from: string;
  readonly to: string;
}

/** Who speaks where a right to decide is handed on or taken back. */
export interface Speaker {
  /** As whom; null: as nobody's self, so as an administrator or not at all. */
  readonly person: string | null;
  /** Everybody whom they stand for, themself included. */
  readonly parties: readonly string[];
  /** Whether they may hand on what is others'. */
  readonly isAdmin: boolean;
}

/** One person's word. */
export interface Vote {
  readonly person: string;
  /** Whose right it is, when it was handed on. */
  readonly onBehalfOf: string | null;
  readonly decision: Decision;
}

export type Decision = 'granted' | 'refused';

/** By which right somebody decides, or why not. */
export type Right =
  | { readonly kind: 'own' }
  | { readonly kind: 'handed'; readonly from: string }
  | { readonly kind: 'none'; readonly why: 'requester' | 'stranger' };

/** What rights are judged by. */
export interface Circumstances {
  readonly roles: Roles;
  readonly handed: readonly Handed[];
  /** Votes so far. */
  readonly votes: readonly Vote[];
}

/** Whether a person is named by the deciders, or holds a role that is. */
function isNamed(person: string, deciders: readonly string[], roles: Roles): boolean {
  return personsOf(deciders, roles).includes(personOf(person));
}

/** The persons that deciders stand for, each once. */
export function personsOf(deciders: readonly string[], roles: Roles): readonly string[] {
  const persons = deciders.flatMap((each) => (Object.hasOwn(roles, each) ? roles[each] : [each]));
  return [...new Set(persons.map((each) => personOf(each as string)))];
}

/**
 * By which right a person decides. Nobody decides what they ask for, or what is asked for them, by no right. A right that was handed on
 * is the giver's own: not one that the giver was handed, and not one that the giver could not use.
 */
export function rightOf(person: string, terms: Terms, circumstances: Circumstances): Right {
  const { roles, handed, votes } = circumstances;
  const barred = partiesOf(terms);
  const own = personOf(person);
  if (barred.includes(own)) return { kind: 'none', why: 'requester' };
  if (isNamed(own, terms.deciders, roles)) return { kind: 'own' };
  const givers = handed
    .filter(({ to }) => personOf(to) === own)
    .map(({ from }) => personOf(from))
    .filter((from) => !barred.includes(from) && isNamed(from, terms.deciders, roles));
  // A giver for whom nobody has spoken yet, where there is one: the vote counts then.
  const spoken = votes.map(({ person, onBehalfOf }) => personOf(onBehalfOf ?? person));
  const from = givers.find((giver) => !spoken.includes(giver)) ?? givers[0];
  return from === undefined ? { kind: 'none', why: 'stranger' } : { kind: 'handed', from };
}

/**
 * Why somebody may not hand a right on; null: they may. Everybody hands on their own; an administrator also that of others (who is ill
 * cannot), but to nobody for whom they stand themself: nobody decides by being an administrator.
 */
export function handingFault(
  { from, to }: Handed,
  { person, parties, isAdmin }: Speaker,
): 'others' | 'self' | null {
  if (person !== null && personOf(person) === personOf(from)) return null;
  if (!isAdmin) return 'others';
  return parties.some((each) => personOf(each) === personOf(to)) ? 'self' : null;
}

/** Whether somebody may take a right back, or give it back: who gave it, who has it, and an administrator. */
export function mayEnd({ from, to }: Handed, { person, isAdmin }: Speaker): boolean {
  const own = person === null ? null : personOf(person);
  return isAdmin || own === personOf(from) || own === personOf(to);
}

/** How many different people have said yes: those whom a handed right ties to each other count once together. */
export function countYeses(votes: readonly Vote[]): number {
  const groups: Set<string>[] = [];
  for (const { person, onBehalfOf, decision } of votes) {
    if (decision !== 'granted') continue;
    const tied = new Set([personOf(person), personOf(onBehalfOf ?? person)]);
    const met = groups.filter((group) => [...tied].some((each) => group.has(each)));
    for (const group of met) {
      for (const each of group) tied.add(each);
      groups.splice(groups.indexOf(group), 1);
    }
    groups.push(tied);
  }
  return groups.length;
}

/** What the votes come to: one no refuses, `required` yeses of different people grant. */
export function stateAfter(votes: readonly Vote[], { required }: Terms): 'open' | Decision {
  if (votes.some(({ decision }) => decision === 'refused')) return 'refused';
  return countYeses(votes) >= required ? 'granted' : 'open';
}

/** Who asks, and for whom. */
function partiesOf({ requester: { id, onBehalfOf = [], agent } }: Pick<Terms, 'requester'>) {
  return [id, ...onBehalfOf, ...(agent === undefined ? [] : [agent])].map(personOf);
}

/**
 * How many different people have said yes who may decide by these terms: those who are named today, and none who asks. A right that was
 * handed on counts as its giver's.
 */
export function yesesUnder(
  votes: readonly Vote[],
  terms: {
    readonly deciders: readonly string[];
    readonly parties: readonly Requester[];
    readonly roles: Roles;
  },
): number {
  const barred = terms.parties.flatMap((requester) => partiesOf({ requester }));
  const named = personsOf(terms.deciders, terms.roles);
  const counted = votes.filter(({ person, onBehalfOf }) => {
    const persons = [person, onBehalfOf ?? person].map(personOf);
    return named.includes(persons[1] as string) && !persons.some((each) => barred.includes(each));
  });
  return countYeses(counted);
}

/** Whether who agrees to a question has agreed by these terms, too: it asks no fewer people, and nobody else. */
export function covers(
  question: {
    readonly deciders: readonly string[];
    readonly required: number;
    readonly escalate_to: readonly string[];
  },
  { by, required, escalate }: AskedOf,
): boolean {
  const further = escalate?.to ?? [];
  const { deciders, escalate_to: grownBy } = question;
  const first = deciders.filter((each) => !grownBy.includes(each) || by.includes(each));
  return (
    question.required >= required &&
    first.every((each) => by.includes(each)) &&
    grownBy.every((each) => by.includes(each) || further.includes(each))
  );
}

/** Who must agree, by the tiers of today. */
type AskedOf = Pick<TierTerms, 'by' | 'required' | 'escalate'>;
