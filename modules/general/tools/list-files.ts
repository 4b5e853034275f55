import { defineTool, z } from 'tutti';

/** What lies in a folder. */
export const listFiles = defineTool({
  name: 'general.list_files',
  description:
    'Lists a folder of the files by name: its files with their bytes, and its folders. Without a path it lists the outermost folder.',
  category: 'file',
  access: 'public',
  effect: 'read',
  outside: ['files'],
  parameters: z.object({
    path: z.string().max(1_000).default(''),
    limit: z.int().min(1).max(1_000).default(200),
  }),
  result: z.object({
    entries: z.array(
      z.object({ name: z.string(), kind: z.enum(['file', 'folder']), bytes: z.int() }),
    ),
    /** Whether there are more than these. */
    isCut: z.boolean(),
  }),
}).handler(async ({ path, limit }, { files }) => {
  const listed = await files.list(path);
  const entries = listed.slice(0, limit).map(({ name, kind, bytes }) => ({ name, kind, bytes }));
  return { entries, isCut: listed.length > limit };
});
