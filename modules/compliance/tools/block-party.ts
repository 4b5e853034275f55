import { defineTool, Id, z } from 'tutti';

/** Stops business with a party. */
export const blockParty = defineTool({
  name: 'compliance.party.block',
  description: 'Keeps payments and orders from going to a party until a person releases it.',
  effect: 'write',
  category: 'screening',
  duty: 'block_party',
  parameters: z.object({
    party: Id('party'),
    expect: z.string(),
    /** The entry of a sanctions list that it matches. */
    entry: Id('sanction_entry'),
  }),
  result: z.object({ id: Id('party'), version: z.string() }),
  undo: { action: 'release' },
  key: ({ party }) => [party],
  scope: 'run',
  binds: () => ['number', 'country', 'blocked'],
}).handler(async ({ party, expect, entry }, { erp }) => {
  const { number } = await erp.sanction_entry.get(entry);
  const reason = `sanctions list entry ${number}`;
  const { id, version } = await erp.party.act(party, 'block', { reason }, { expect });
  return { id, version };
});
