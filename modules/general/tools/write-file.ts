import { createHash } from 'node:crypto';
import { defineTool, z } from 'tutti';

/** A text as a file. */
export const writeFile = defineTool({
  name: 'general.write_file',
  description:
    'Writes a text as a whole file (UTF-8) into the files, with the folders that its path names; a file of that name is replaced.',
  category: 'file',
  access: 'public',
  effect: 'send',
  outside: ['files'],
  parameters: z.object({
    path: z.string().max(1_000).describe("from the files' own folder, names divided by '/'"),
    content: z.string().max(5_000_000),
  }),
  result: z.object({ path: z.string(), bytes: z.int(), sha256: z.string() }),
  // Other content under the same path is another effect; within a step the same content is written to a path once.
  key: ({ path, content }) => [path, createHash('sha256').update(content).digest('hex')],
  undo: { none: 'the file may have been read; delete it, or write the earlier one again' },
  // The same content under the same path is the same file, however often it is written.
  repeatable: true,
}).handler(async ({ path, content }, { files }) => {
  const written = await files.write(path, content);
  return { path: written.path, bytes: written.bytes, sha256: written.sha256 };
});
