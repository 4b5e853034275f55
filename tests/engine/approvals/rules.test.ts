import assert from 'node:assert/strict';
import fc from 'fast-check';
import { personOf } from '../../../core/base/person.ts';
import { readPerson } from '../../../core/engine/approvals/person.ts';
import {
  type Circumstances,
  countYeses,
  type Decision,
  type Handed,
  personsOf,
  type Right,
  rightOf,
  stateAfter,
  type Terms,
  type Vote,
} from '../../../core/engine/approvals/rules.ts';
import { verifies } from '../../support/verifies.ts';

const roles = { controller: ['anna', 'Ben'], treasurer: ['cara'] };
const terms: Terms = {
  deciders: ['controller', 'dora'],
  requester: { id: 'cli:rita' },
  required: 2,
};

function right(person: string, over: Partial<Circumstances> = {}, of: Terms = terms): Right {
  return rightOf(person, of, { roles, handed: [], votes: [], ...over });
}
const yes = (person: string, onBehalfOf: string | null = null): Vote => ({
  ...{ person, onBehalfOf, decision: 'granted' },
});
const no = (person: string): Vote => ({ ...yes(person), decision: 'refused' });
const none = (why: 'requester' | 'stranger') => ({ kind: 'none', why });

describe('the right to decide', () => {
  it('is of who is named, and of who holds a role that is named', () => {
    verifies('R12.approvals');
    for (const person of ['anna', 'ben', 'BEN', 'cli:anna', 'dora'])
      assert.deepEqual(right(person), { kind: 'own' }, person);
    for (const person of ['cara', 'mallory', '']) assert.deepEqual(right(person), none('stranger'));
  });

  it('is not of a person who is called like a role', () => {
    assert.deepEqual(right('controller'), none('stranger'));
    assert.deepEqual(right('toString', {}, { ...terms, deciders: ['toString'] }), { kind: 'own' });
    assert.deepEqual(personsOf(['controller', 'anna', 'dora'], roles), ['anna', 'ben', 'dora']);
  });

  it('is not of who asks, by whatever door, nor of whom they ask for', () => {
    const asks = (id: string, onBehalfOf: readonly string[] = []): Terms => ({
      ...terms,
      requester: { id, onBehalfOf },
    });
    assert.deepEqual(right('anna', {}, asks('cli:anna')), none('requester'));
    assert.deepEqual(right('cli:Anna', {}, asks('anna')), none('requester'));
    assert.deepEqual(right('ben', {}, asks('finance.payer', ['anna', 'ben'])), none('requester'));
    assert.deepEqual(right('ben', {}, asks('cli:anna')), { kind: 'own' });
  });

  it('can be handed on by who has it, and not by who was handed it', () => {
    const handed = [
      { from: 'anna', to: 'eve' },
      { from: 'eve', to: 'finn' },
      { from: 'cara', to: 'gus' },
    ];
    assert.deepEqual(right('eve', { handed }), { kind: 'handed', from: 'anna' });
    assert.deepEqual(right('finn', { handed }), none('stranger'));
    assert.deepEqual(right('gus', { handed }), none('stranger'));
  });

  it('cannot be handed to who asks, nor by who asks', () => {
    const byAnna: Terms = { ...terms, requester: { id: 'cli:anna' } };
    const handed = [
      { from: 'anna', to: 'eve' },
      { from: 'ben', to: 'anna' },
    ];
    assert.deepEqual(right('eve', { handed }, byAnna), none('stranger'));
    assert.deepEqual(right('anna', { handed }, byAnna), none('requester'));
  });

  it('is used for a giver for whom nobody has spoken, and not at all by who has their own', () => {
    const handed = [
      { from: 'anna', to: 'eve' },
      { from: 'dora', to: 'eve' },
      { from: 'dora', to: 'ben' },
    ];
    const votes = [yes('anna')];
    assert.deepEqual(right('eve', { handed, votes }), { kind: 'handed', from: 'dora' });
    assert.deepEqual(right('ben', { handed, votes }), { kind: 'own' });
  });
});

describe('votes', () => {
  it('grant with as many yeses of different people as are asked for', () => {
    assert.equal(stateAfter([], terms), 'open');
    assert.equal(stateAfter([yes('anna')], terms), 'open');
    assert.equal(stateAfter([yes('anna'), yes('dora')], terms), 'granted');
  });

  it('refuse with one no, however many yeses there are', () => {
    assert.equal(stateAfter([yes('anna'), yes('dora'), no('ben')], terms), 'refused');
  });

  it('count once for a giver and all to whom they have handed their right', () => {
    assert.equal(countYeses([yes('anna'), yes('eve', 'anna'), yes('finn', 'anna')]), 1);
    assert.equal(countYeses([yes('eve', 'anna'), yes('finn', 'dora')]), 2);
    assert.equal(countYeses([yes('eve', 'anna'), yes('finn', 'dora'), yes('anna', 'dora')]), 1);
    assert.equal(countYeses([yes('eve', 'anna'), no('ben')]), 1);
  });
});

describe('a person', () => {
  it('is one, by whatever door and in whatever case the name comes', () => {
    for (const id of ['anna', 'cli:anna', ' Anna ', 'cli:cli:ANNA', 'ａｎｎａ'])
      assert.equal(personOf(id), 'anna');
  });

  it('has a name without anything that hides', () => {
    assert.equal(readPerson(" Jörg O'Neill "), "jörg o'neill");
    for (const bad of ['', ' ', 'an\u200bna', 'an\nna', 'x'.repeat(101), '\u202eanna', 'a/b'])
      assert.throws(() => readPerson(bad), { code: 'INPUT_INVALID' }, JSON.stringify(bad));
  });
});

describe('rules of approval, whatever people do', () => {
  const people = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'] as const;
  const person = fc.constantFrom(...people);
  const some = fc.uniqueArray(person, { maxLength: 4 });
  const world = fc.record({
    roles: fc.record({ r0: some, r1: some }),
    deciders: fc.uniqueArray(fc.constantFrom<string>('r0', 'r1', ...people), { minLength: 1 }),
    requester: fc.record({ id: person, onBehalfOf: some }),
    required: fc.integer({ min: 1, max: 4 }),
    handed: fc.array(fc.record({ from: person, to: person }), { maxLength: 8 }),
    said: fc.array(
      fc.record({
        who: person,
        decision: fc.constantFrom<Decision>('granted', 'granted', 'granted', 'refused'),
      }),
      { maxLength: 12 },
    ),
  });

  it('never grant by too few, or by who asks or acts for who asks', () => {
    verifies('R12.approvals');
    let grants = 0;
    fc.assert(
      fc.property(world, ({ roles, handed, said, ...asked }) => {
        const holds = (who: string): boolean =>
          asked.deciders.some((each) =>
            each === 'r0' || each === 'r1' ? roles[each].includes(who as 'p0') : each === who,
          );
        const parties: readonly string[] = [asked.requester.id, ...asked.requester.onBehalfOf];
        const votes = cast(asked, { roles, handed, said });
        const yeses = votes.filter(({ decision }) => decision === 'granted');
        const persons = new Set(yeses.map((vote) => vote.person));
        const rights = new Set(yeses.map((vote) => vote.onBehalfOf ?? vote.person));
        for (const each of [...persons, ...rights]) assert.ok(!parties.includes(each));
        for (const each of rights) assert.ok(holds(each), `${each} has no right of their own`);
        for (const { person, onBehalfOf } of yeses)
          if (onBehalfOf !== null)
            assert.ok(handed.some(({ from, to }) => from === onBehalfOf && to === person));
        if (stateAfter(votes, asked) === 'granted') {
          grants += 1;
          assert.ok(persons.size >= asked.required && rights.size >= asked.required);
          assert.ok(votes.length === yeses.length);
        }
        // Nobody who may is kept out: those who hold the right themselves are enough.
        const own = new Set(yeses.filter((vote) => vote.onBehalfOf === null).map((v) => v.person));
        if (own.size >= asked.required && yeses.length === own.size && votes.length === own.size)
          assert.equal(stateAfter(votes, asked), 'granted');
      }),
      { numRuns: 5_000 },
    );
    assert.ok(grants > 200, `${grants} of 5000 worlds came to a yes`);
  });

  /** Lets people speak in turn; whoever may not, or has, is not heard. */
  function cast(
    asked: Terms,
    world: Pick<Circumstances, 'roles'> & {
      readonly handed: readonly Handed[];
      readonly said: readonly { readonly who: string; readonly decision: Decision }[];
    },
  ): readonly Vote[] {
    const votes: Vote[] = [];
    for (const { who, decision } of world.said) {
      if (stateAfter(votes, asked) !== 'open') break;
      if (votes.some((vote) => vote.person === who)) continue;
      const by = rightOf(who, asked, { ...world, votes });
      if (by.kind === 'none') continue;
      votes.push({ person: who, onBehalfOf: by.kind === 'handed' ? by.from : null, decision });
    }
    return votes;
  }
});
