import assert from 'node:assert/strict';
import { definePolicy, defineTool, z } from 'tutti';
import { invoke } from '../../core/guard/invoke.ts';
import { noAuthority, readAuthority } from '../../core/sdk/authority.ts';
import type { Autonomy, Policy } from '../../core/sdk/policy/policy.ts';
import { verifies } from '../support/verifies.ts';
import { aScope, hold } from './lab.ts';

const args = { crate: 'c0', reason: 'damaged' };

/** What a call of an agent with a level comes to: what it is answered, or what its step waits for. */
async function becomes(
  level: Autonomy,
  { attended, by }: { readonly attended: boolean; readonly by: 'policy' | 'run time' },
): Promise<string> {
  // Whatever the policies grant, what is set at run time stands before it.
  const granted = by === 'policy' ? level : level === 'act' ? 'observe' : 'act';
  const authority = {
    autonomy: by === 'policy' ? [] : [{ autonomy: level }],
    shadow: [],
    access: [],
    policies: [],
  };
  const { scope, record } = aScope([hold], { authority });
  const policies = [definePolicy({ name: 'p', grants: [{ autonomy: granted }] })];
  const outcome = await invoke(hold, args, { ...scope, attended, policies }).catch(
    (error: { readonly code: string }) => error.code,
  );
  const [effect] = record.effects.values();
  if (typeof outcome === 'string') return `${outcome} ${effect?.state ?? 'nothing'}`;
  const kind = outcome.kind === 'effected' ? outcome.value.kind : outcome.kind;
  return `${kind} ${effect?.state ?? 'nothing'}`;
}

describe('a level of autonomy', () => {
  const table = [
    ['observe', 'refused nothing', 'refused nothing'],
    ['propose', 'proposed proposed', 'proposed proposed'],
    ['approve', 'APPROVAL_PENDING proposed', 'proposed proposed'],
    ['act', 'applied applied', 'applied applied'],
  ] as const;
  for (const by of ['policy', 'run time'] as const)
    for (const [level, attended, unattended] of table)
      it(`'${level}' by ${by} comes to '${attended}' where a person waits, else to '${unattended}'`, async () => {
        verifies('R12.autonomy');
        assert.equal(await becomes(level, { attended: true, by }), attended);
        assert.equal(await becomes(level, { attended: false, by }), unattended);
      });

  it('that nobody can read lets nothing happen', () => {
    const read = readAuthority(
      new Map<string, unknown>([
        ['autonomy', 'all'],
        ['shadow', [{ who: 1 }]],
        ['access', [{ tools: ['*'] }]],
      ]),
    );

    const nothing = { autonomy: [{ autonomy: 'observe' }], access: [], policies: [] };
    assert.deepEqual(read, { ...nothing, shadow: [{}] });
    const unreadable = readAuthority(new Map([['autonomy', [{ autonomy: 'act' }]]]), 'unreadable');
    assert.deepEqual(unreadable, { ...nothing, shadow: [] });
  });

  it('and policies in force decide together, of reads of other modules, too', async () => {
    verifies('R12.policy');
    const tool = defineTool({
      ...{ name: 'store.crate.look', description: 'Looks.', effect: 'read' },
      ...{ parameters: z.object({}), result: z.object({}) },
    }).handler(async () => ({}));
    const access = [{ agents: ['lab.*'], tools: ['store.*'] }];
    const given = definePolicy({ name: 'given', grants: [], access });
    const ruleUnder = async (inForce: readonly Policy[]): Promise<unknown> => {
      const authority = { ...noAuthority, policies: inForce };
      const { scope, record } = aScope([tool], { authority });
      await invoke(tool, {}, { ...scope, policies: [given] });
      return record.entries.at(-1)?.data.rule;
    };

    assert.equal(await ruleUnder([]), 'effect.read');
    assert.equal(
      await ruleUnder([{ kind: 'policy', name: 'given', grants: [], version: 1 }]),
      'access.module',
    );
    assert.equal(
      await ruleUnder([{ kind: 'policy', name: 'other', grants: [], version: 1 }]),
      'effect.read',
    );
  });
});
