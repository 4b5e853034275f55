import { defineTool, z } from 'tutti';

/** Rows of a database beside the ERP, by one statement that reads. */
export const queryDatabase = defineTool({
  name: 'general.query_database',
  description:
    'Reads rows of a database that the installation names, by one SELECT statement of PostgreSQL; values that were given to you go into parameters.',
  category: 'database',
  access: 'public',
  effect: 'read',
  outside: ['databases'],
  parameters: z.object({
    database: z.string().min(1).max(100).describe('name of the database in the configuration'),
    sql: z.string().min(1).max(20_000).describe('one SELECT; $1, $2 stand for the parameters'),
    parameters: z
      .array(z.union([z.string().max(10_000), z.number(), z.boolean(), z.null()]))
      .max(100),
  }),
  result: z.object({
    columns: z.array(z.string()),
    rows: z.array(z.record(z.string(), z.unknown())),
    isCut: z.boolean(),
  }),
}).handler(async ({ database, sql, parameters }, { databases }) => {
  const { columns, rows, isCut } = await databases.query({ database, sql, parameters });
  return { columns: [...columns], rows: rows.map((row) => ({ ...row })), isCut };
});
