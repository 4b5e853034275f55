import assert from 'node:assert/strict';
import { chooseProfiles, type Profiles } from '../../../core/ports/models/profiles.ts';
import { verifies } from '../../support/verifies.ts';

const big = { provider: 'openai', model: 'big' } as const;
const other = { provider: 'anthropic', model: 'other' } as const;
const own = { provider: 'house', model: 'own' } as const;
const env = { OPENAI_API_KEY: 'k' };

function models(profiles: Profiles | null): Readonly<Record<string, string>> | null {
  if (!profiles) return null;
  const told = Object.entries(profiles).map(([name, { targets, choose }]) => [
    name,
    `${choose}: ${targets.map(({ model }) => model).join(' ')}`,
  ]);
  return Object.fromEntries(told);
}

describe('model profiles', () => {
  it('are written as one target, a list, or a chain that says how to choose', () => {
    verifies('R4.profiles', 'R4.default-model');
    const profiles = chooseProfiles(
      { standard: big, fast: [own, big], deep: { targets: [big, own], choose: 'cost' } },
      env,
    );

    assert.deepEqual(models(profiles), {
      fast: 'order: own big',
      standard: 'order: big',
      deep: 'cost: big own',
    });
  });

  it('stand in for those that nobody names', () => {
    assert.deepEqual(models(chooseProfiles({ deep: own }, {})), {
      fast: 'order: own',
      standard: 'order: own',
      deep: 'order: own',
    });
  });

  it('leave out a target without a key, and are none when a chain has no target left', () => {
    assert.deepEqual(models(chooseProfiles({ standard: [other, big] }, env)), {
      fast: 'order: big',
      standard: 'order: big',
      deep: 'order: big',
    });
    assert.equal(chooseProfiles({ standard: big, fast: [other] }, env), null);
    assert.equal(chooseProfiles({ standard: [] }, env), null);
  });

  it('come from the key that is set, when none is configured', () => {
    const provider = (variables: Readonly<Record<string, string>>) =>
      chooseProfiles(undefined, variables)?.standard.targets[0]?.provider;

    assert.equal(provider(env), 'openai');
    assert.equal(provider({ ANTHROPIC_API_KEY: 'k' }), 'anthropic');
    assert.equal(provider({ ...env, ANTHROPIC_API_KEY: 'k' }), 'openai');
    assert.equal(chooseProfiles({}, {}), null);
  });
});
