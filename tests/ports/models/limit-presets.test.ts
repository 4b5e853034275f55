import assert from 'node:assert/strict';
import { defineConfig, limitPresets, type RateLimit } from 'tutti';
import { priceTable } from '../../../core/ports/models/prices.ts';
import { chooseProfiles } from '../../../core/ports/models/profiles.ts';
import { verifies } from '../../support/verifies.ts';

const tiers = {
  openai: ['build', 'launch', 'grow'],
  anthropic: ['start', 'build', 'scale'],
} as const;
const presets: readonly (readonly [string, Readonly<Record<string, RateLimit>>])[] = [
  ['development', limitPresets.development],
  ...tiers.openai.map((tier) => [`openai.${tier}`, limitPresets.openai[tier]] as const),
  ...tiers.anthropic.map((tier) => [`anthropic.${tier}`, limitPresets.anthropic[tier]] as const),
];

describe('limitPresets', () => {
  for (const [name, limits] of presets) {
    it(`are rows for models with a price: ${name}`, () => {
      const known = new Set(priceTable.map(({ model }) => model));

      assert.ok(Object.keys(limits).length > 0);
      assert.deepEqual(
        Object.keys(limits).filter((model) => !known.has(model)),
        [],
      );
      for (const limit of Object.values(limits)) {
        assert.ok(Object.values(limit).every((each) => Number.isSafeInteger(each) && each > 0));
      }
    });
  }

  for (const provider of ['openai', 'anthropic'] as const) {
    it(`grow with the tiers of ${provider}, model by model`, () => {
      const [low, middle, high] = tiers[provider].map((tier) =>
        Object.entries(
          (limitPresets[provider] as Record<string, Record<string, RateLimit>>)[tier] ?? {},
        ),
      );

      low?.forEach(([model, limit], index) => {
        for (const [kind, value] of Object.entries(limit)) {
          const above = [middle, high].map((tier) => Number(tier?.[index]?.[1][kind as 'burst']));
          assert.ok(
            value <= Number(above[0]) && Number(above[0]) < Number(above[1]),
            `${model} ${kind}`,
          );
        }
      });
    });
  }

  it('limit every model that is used by default while one develops', () => {
    verifies('R6.presets');
    for (const key of ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY']) {
      const profiles = Object.values(chooseProfiles(undefined, { [key]: 'k' }) ?? {});
      const targets = profiles.flatMap((chain) => chain.targets);

      assert.equal(targets.length, 3);
      for (const { model } of targets) {
        assert.equal(limitPresets.development[model]?.requestsPerMinute, 30);
      }
    }
  });

  it('are what a configuration takes, with rows of its own', () => {
    const own = { 'my-model': { requestsPerMinute: 7 } };

    const { modelLimits } = defineConfig({
      modules: [],
      modelLimits: { ...limitPresets.anthropic.start, ...own },
    });

    assert.equal(modelLimits?.['claude-sonnet-5-5']?.inputTokensPerMinute, 2_000_000);
    assert.equal(modelLimits?.['my-model']?.requestsPerMinute, 7);
  });
});
