import assert from 'node:assert/strict';
import { defineAgent, defineModule, type RecoveryRule, z } from 'tutti';
import { loadRegistry } from '../../core/sdk/registry.ts';
import { verifies } from '../support/verifies.ts';

const declaration = {
  name: 'keeper',
  purpose: 'Keeps.',
  instructions: 'Keep.',
  input: z.object({ id: z.string().describe('of a crate'), count: z.int().default(1) }),
  output: z.object({ isKept: z.boolean() }),
  tools: {},
};
/** The same form, in other words and another order. */
const deputy = defineAgent({
  ...declaration,
  name: 'deputy',
  input: z.object({ count: z.int().default(1), id: z.string() }),
});
const stranger = defineAgent({
  ...declaration,
  name: 'stranger',
  input: z.object({ id: z.int() }),
});
const mute = defineAgent({ ...declaration, name: 'mute', output: z.object({}) });

/** Loads an agent with these rules; they may be of any form. */
function load(recovery: unknown): void {
  const keeper = defineAgent({ ...declaration, recovery: recovery as readonly RecoveryRule[] });
  const agents = [keeper, deputy, stranger, mute];
  loadRegistry({ modules: [defineModule({ name: 'lab', version: '1.0.0', agents })] }, []);
}

describe('the recovery rules of an agent', () => {
  it('are taken when all that they name is there', () => {
    load([]);
    load([{ ways: [] }]);
    load([
      { on: ['OUTPUT_INVALID', 'NETWORK_ERROR'], ways: [{ strategy: 'fallback' }] },
      {
        ways: [
          { strategy: 'retry', retry: { attempts: 5, backoff: 'linear', baseMs: 10, maxMs: 100 } },
          { strategy: 'reset', retry: { jitter: 'none', factor: 3 } },
          { strategy: 'escalate', to: 'role:controller' },
          { strategy: 'reassign', to: 'lab.deputy' },
          { strategy: 'skip' },
        ],
      },
    ]);
  });

  it('are refused when the module loads, with the place and the reason', () => {
    verifies('R12.module-check');
    const reassign = (to: string) => [{ ways: [{ strategy: 'reassign', to }] }];
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      ['retry', /field 'recovery' of 'lab\.keeper'/],
      [[{ on: ['NO_SUCH'], ways: [] }], /'recovery\.0\.on\.0' .*'NO_SUCH' is neither a category/],
      [[{ on: [{ toString: null }], ways: [] }], /'\{"toString":null\}' is neither a category/],
      [[{ on: ['CANCELLED'], ways: [] }], /'CANCELLED' is no failure that a rule can follow/],
      [[{ on: [], ways: [] }], /recovery\.0\.on/],
      [[{ ways: [{ strategy: 'pray' }] }], /recovery\.0\.ways\.0\.strategy/],
      [[{ ways: [{ strategy: 'retry', retry: { attempts: 0 } }] }], /ways\.0\.retry\.attempts/],
      [[{ ways: [{ strategy: 'retry', retries: 3 }] }], /recovery\.0\.ways\.0'.*retries/],
      [[{ ways: [{ strategy: 'skip' }, { strategy: 'retry' }] }], /a way behind skip or abort/],
      [reassign('lab.nobody'), /'recovery\.0\.ways\.0\.to' .*'lab\.nobody' is no agent/],
      [reassign('lab.keeper'), /is the agent itself/],
      [reassign('lab.stranger'), /takes another input than 'lab\.keeper'/],
      [reassign('lab.mute'), /answers in another form than 'lab\.keeper'/],
    ];
    for (const [rules, message] of wrong)
      assert.throws(() => load(rules), { code: 'MODULE_INVALID', message });
  });
});
