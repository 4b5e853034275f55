import { EngineError, z } from 'tutti';

const path = z.string().min(1).max(1_000);

/** What agents that look at source code take: the files themselves, or the paths of files to read. */
export const sourceFields = {
  files: z
    .array(z.object({ path, content: z.string().max(300_000) }))
    .max(200)
    .readonly()
    .default([]),
  /** Files to read, in place of `files`. */
  paths: z.array(path).max(200).default([]),
};

interface Source {
  readonly path: string;
  readonly content: string;
}

type Read = (input: { readonly path: string; readonly maxBytes: number }) => Promise<{
  readonly text: string;
}>;

/**
 * The files that a playbook looks at: those it was given, and those it was named.
 * @throws MODEL_REQUIRED when there are none: `without` says what the agent does without a model
 */
export async function sourcesOf(
  given: { readonly files: readonly Source[]; readonly paths: readonly string[] },
  read: Read,
  without: string,
): Promise<readonly Source[]> {
  const named = await Promise.all(
    given.paths.map(async (path) => {
      const { text } = await read({ path, maxBytes: 300_000 });
      return { path, content: text };
    }),
  );
  const sources = [...given.files, ...named];
  if (sources.length > 0) return sources;
  throw new EngineError(
    'MODEL_REQUIRED',
    `Without a model ${without}: give it files or paths, or set the key of a model.`,
  );
}
