import { defineTool, EngineError, z } from 'tutti';

/** The text of a file. */
export const readFile = defineTool({
  name: 'general.read_file',
  description:
    'Reads a text file (UTF-8) from the files. A long one is cut at maxBytes, at the end of a whole character; binary files are refused.',
  category: 'file',
  access: 'public',
  effect: 'read',
  outside: ['files'],
  parameters: z.object({
    path: z.string().max(1_000).describe("from the files' own folder, names divided by '/'"),
    maxBytes: z.int().min(1).max(1_000_000).default(100_000),
  }),
  result: z.object({
    path: z.string(),
    text: z.string(),
    /** Of the whole file. */
    bytes: z.int(),
    isCut: z.boolean(),
  }),
}).handler(async ({ path, maxBytes }, { files }) => {
  const bytes = await files.read(path);
  const whole = textOf(bytes, path);
  const isCut = bytes.length > maxBytes;
  const text = isCut ? new TextDecoder().decode(bytes.subarray(0, cutAt(bytes, maxBytes))) : whole;
  return { path, text, bytes: bytes.length, isCut };
});

function textOf(bytes: Uint8Array, path: string): string {
  const nul = bytes.indexOf(0);
  if (nul >= 0) throw binary(path, `byte ${nul + 1} is 0`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw binary(path, 'it is in another encoding, or no text');
  }
}

/** The last place up to which there are whole characters: bytes 10xxxxxx go on with one (RFC 3629). */
function cutAt(bytes: Uint8Array, maxBytes: number): number {
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return end;
}

function binary(path: string, why: string): EngineError {
  return new EngineError(
    'INPUT_INVALID',
    `The file '${path}' is no UTF-8 text: ${why}. Read text files only.`,
  );
}
