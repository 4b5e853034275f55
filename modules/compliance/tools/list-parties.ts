import { defineTool, Id, z } from 'tutti';

/** The parties that are screened. */
export const listParties = defineTool({
  name: 'compliance.party.list',
  description:
    'Lists the parties of a screening group: number, country, version, and whether each is blocked.',
  effect: 'read',
  category: 'screening',
  parameters: z.object({ group: Id('party_group') }),
  result: z.object({
    parties: z.array(
      z.object({
        id: Id('party'),
        version: z.string(),
        number: z.string(),
        country: z.string(),
        blocked: z.boolean(),
      }),
    ),
  }),
}).handler(async ({ group }, { erp }) => {
  const parties = await erp.party.list({ group }, { order: [{ field: 'number' }] });
  return {
    parties: parties.map(({ id, version, number, country, blocked }) => ({
      id,
      version,
      number,
      country,
      blocked,
    })),
  };
});
