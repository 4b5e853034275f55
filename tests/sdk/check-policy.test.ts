import assert from 'node:assert/strict';
import { defineModule, definePolicy, defineTool, type Policy, type Tier, z } from 'tutti';
import { loadRegistry } from '../../core/sdk/registry.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { verifies } from '../support/verifies.ts';

const declaration = {
  name: 'lab.crate.pay',
  description: 'Pays.',
  parameters: z.object({}),
  result: z.object({}),
  effect: 'write',
  key: () => [],
  undo: { none: 'it is paid' },
} as const;
const pay = defineTool(declaration).handler(async () => ({}));
const look = defineTool({
  ...{ name: 'lab.crate.look', description: 'Looks.', effect: 'read' },
  ...{ parameters: z.object({}), result: z.object({}) },
}).handler(async () => ({}));

const clerk: Tier = { name: 'clerk', by: ['clerk'] };
const aboveZero = { above: { amount: '0', currency: 'EUR' } };

function load(policy: Partial<Policy>, tools: readonly AnyTool[] = [pay, look]): void {
  const policies = [definePolicy({ name: 'test', grants: [], ...policy })];
  loadRegistry({ modules: [defineModule({ name: 'lab', version: '1.0.0', tools, policies })] }, []);
}

function assertRefused(work: () => void, ...words: readonly string[]): void {
  assert.throws(work, (error: { code?: string; message: string }) => {
    assert.equal(error.code, 'MODULE_INVALID', error.message);
    for (const word of words) assert.ok(error.message.includes(word), error.message);
    return true;
  });
}

/** The tool that pays, with one more field. */
const payWith = (field: object) => ({ ...pay, ...field }) as AnyTool;

describe('a policy', () => {
  it('takes tiers and external grants that are complete', () => {
    const tier: Tier = {
      ...{ ...clerk, agents: ['lab.*'], tools: ['lab.*'], companies: ['DE*'], ...aboveZero },
      ...{ risk: 'high', required: 2, expires: 'PT36H', escalate: { after: 'P1D', to: ['cfo'] } },
    };
    load({
      tiers: [tier, { name: 'lab.other', by: ['anna'] }],
      external: [{ agents: ['lab.*'], tools: ['lab.crate.pay'], check: 'master_data' }],
    });
  });

  for (const [what, tier, words] of [
    ['without deciders', { by: [] }, ['tiers.0.by', 'at least one']],
    ['that nobody need agree to', { required: 0 }, ['tiers.0.required']],
    ['that needs half a person', { required: 1.5 }, ['tiers.0.required']],
    ['that expires after months', { expires: 'P1M' }, ['tiers.0.expires', 'P2D']],
    ['that expires at once', { expires: 'PT0S' }, ['tiers.0.expires']],
    ['with an amount that is a number', { above: { amount: 1000, currency: 'EUR' } }, ['above']],
    ['from less than nothing', { above: { amount: '-1', currency: 'EUR' } }, ['below zero']],
    ['of a risk that there is not', { risk: 'extreme' }, ['tiers.0.risk']],
    ['with a field that is misspelt', { abvoe: aboveZero.above }, ['tiers.0', 'abvoe']],
    [
      'that escalates once it has expired',
      { expires: 'P1D', escalate: { after: 'P1D', to: ['cfo'] } },
      ['tiers.0.escalate.after', 'before it expires'],
    ],
    ['that escalates to nobody', { escalate: { after: 'P1D', to: [] } }, ['escalate.to']],
    ['of a tool that is misspelt', { tools: ['lab.crate.pya'] }, ['clerk', 'lab.crate.pya']],
    ['of a tool that only reads', { tools: ['lab.crate.look'] }, ['clerk', 'only reads']],
    [
      'from an amount on, of a tool that tells none',
      { tools: ['lab.crate.pay'], ...aboveZero },
      ["policy 'test'", "tier 'clerk'", 'lab.crate.pay', 'amount'],
    ],
  ] as const) {
    it(`is refused with a tier ${what}`, () => {
      verifies('R12.module-check');

      assertRefused(
        () => load({ tiers: [{ ...clerk, ...tier } as Tier] }),
        "Module 'lab'",
        ...words,
      );
    });
  }

  it('is refused with two tiers of one name', () => {
    assertRefused(() => load({ tiers: [clerk, { ...clerk, risk: 'high' }] }), 'rename');
  });

  it('is refused with an external grant to nobody, of nothing, or with another check', () => {
    const grant = { agents: ['lab.*'], tools: ['lab.*'], check: 'none' } as const;
    for (const wrong of [{ agents: [] }, { tools: [] }, { check: 'perhaps' }])
      assertRefused(() => load({ external: [{ ...grant, ...(wrong as object) }] }), 'external.0');
  });

  it('may name an amount for a tool that tells it, for a pattern, and for tools of a module that is not loaded', () => {
    const tier = (...tools: string[]) => ({ tiers: [{ ...clerk, ...aboveZero, tools }] });

    load(tier('lab.crate.pay'), [payWith({ amount: () => null })]);
    load(tier('lab.*', 'finance.bill.pay'));
  });

  it('of the configuration is checked in the same way', () => {
    const modules = [defineModule({ name: 'lab', version: '1.0.0', tools: [pay] })];
    const of = (tier: object) => () =>
      loadRegistry(
        {
          modules,
          policies: [definePolicy({ name: 'p', grants: [], tiers: [{ ...clerk, ...tier }] })],
        },
        [],
      );

    assertRefused(of({ by: [] }), 'tutti.config.ts', 'tiers.0.by');
    assertRefused(of({ tools: ['lab.crate.pya'] }), 'tutti.config.ts', "policy 'p'");
  });
});

describe('a tool', () => {
  it('says its amount and its grounds by functions, and only what it does has any', () => {
    for (const field of ['amount', 'grounded']) {
      assertRefused(() => load({}, [payWith({ [field]: '12 EUR' })]), field, 'function');
      const reading = { ...look, [field]: () => null } as unknown as AnyTool;
      assertRefused(() => load({}, [reading]), 'lab.crate.look', 'read');
      load({}, [payWith({ [field]: () => null })]);
    }
  });

  it('is sensitive, or says nothing of it', () => {
    load({}, [{ ...look, sensitive: true } as AnyTool]);
    assertRefused(
      () => load({}, [{ ...look, sensitive: false } as unknown as AnyTool]),
      'sensitive',
    );
  });
});
