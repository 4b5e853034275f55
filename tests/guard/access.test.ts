import assert from 'node:assert/strict';
import { definePolicy, defineTool, z } from 'tutti';
import { invoke } from '../../core/guard/invoke.ts';
import type { ToolAccess } from '../../core/sdk/tool.ts';
import { type AccessGrant, isGranted, rolesOf } from '../../core/sdk/tool-access.ts';
import { verifies } from '../support/verifies.ts';
import { aScope } from './lab.ts';

const toolOf = (access: ToolAccess, module: 'lab' | 'store') =>
  defineTool({
    name: `${module}.crate.see`,
    description: 'Sees.',
    access,
    effect: 'read',
    parameters: z.object({}),
    result: z.object({}),
  }).handler(async () => ({}));

/** By which rule an agent of 'lab' is answered, and whether it asked what is set at run time. */
async function answerOf(
  tool: ReturnType<typeof toolOf>,
  { given, policy = false }: { readonly given?: AccessGrant; readonly policy?: boolean } = {},
): Promise<readonly [rule: unknown, asked: boolean]> {
  const { scope, record } = aScope([tool]);
  let asked = false;
  const authority = async () => {
    asked = true;
    return { autonomy: [], shadow: [], access: given ? [given] : [], policies: [] };
  };
  const access = [{ agents: ['lab.*'], tools: [tool.name] }];
  const policies = policy ? [definePolicy({ name: 'p', grants: [], access })] : [];
  await invoke(tool, {}, { ...scope, authority, policies });
  return [record.entries.at(-1)?.data.rule, asked];
}

describe('access to a tool', () => {
  const own = 'effect.read';
  const table = [
    ['public', 'lab', own],
    ['public', 'store', own],
    ['module', 'lab', own],
    ['module', 'store', 'access.module'],
    ['restricted', 'lab', 'access.restricted'],
    ['restricted', 'store', 'access.restricted'],
  ] as const;
  for (const [access, module, rule] of table)
    it(`that is '${access}' of ${module === 'lab' ? "the agent's" : 'another'} module comes to ${rule}`, async () => {
      verifies('R5.tool-access');
      const tool = toolOf(access, module);
      const given = { tools: [tool.name], agents: ['lab.keeper'] };

      assert.deepEqual(await answerOf(tool), [rule, rule !== own]);
      // A policy in force may have taken away what the code's gives.
      assert.deepEqual(await answerOf(tool, { policy: true }), [own, rule !== own]);
      assert.deepEqual(await answerOf(tool, { given }), [own, rule !== own]);
      const other = { tools: [tool.name], agents: ['lab.other'] };
      assert.equal((await answerOf(tool, { given: other }))[0], rule);
    });

  it('by a role is that of a person who holds it, under whatever door their name came in', () => {
    const holders = { auditor: ['Anna', 'ben'], controller: ['anna'] };
    const grants = [{ tools: ['store.*'], roles: ['auditor'] }];

    assert.deepEqual(rolesOf('cli:ANNA', holders), ['auditor', 'controller']);
    assert.deepEqual(rolesOf('cara', holders), []);
    const isFor = (roles: readonly string[]) =>
      isGranted(grants, 'store.see', { agent: 'lab.a', roles });
    assert.deepEqual([isFor(['auditor']), isFor(['controller']), isFor([])], [true, false, false]);
  });
});
