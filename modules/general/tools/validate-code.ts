import { defineTool, z } from 'tutti';
import { jsonProblems, orderProblems, parserProblems } from '../syntax.ts';

const longest = 300_000;

/** Whether a parser can read code. */
export const validateCode = defineTool({
  name: 'general.validate_code',
  description:
    'Checks the syntax of JSON, YAML, JavaScript or TypeScript (no JSX) with a real parser, and for hidden characters that reorder text. Nothing is run; types, names and style are not checked.',
  category: 'code',
  access: 'public',
  effect: 'read',
  parameters: z.object({
    language: z.enum(['json', 'yaml', 'javascript', 'typescript']),
    code: z.string().max(longest),
  }),
  result: z.object({
    isValid: z.boolean(),
    /** What is wrong. JSON, JavaScript and TypeScript end at the first mistake; YAML names all. */
    problems: z.array(
      z.object({
        line: z.int().nullable(),
        /** In UTF-16 code units; null where the parser says none. */
        column: z.int().nullable(),
        message: z.string(),
      }),
    ),
  }),
  timeoutMs: 10_000,
}).handler(async ({ language, code }, { signal }) => {
  const found =
    language === 'json' ? jsonProblems(code) : await parserProblems(code, { language, signal });
  const problems = [...found, ...orderProblems(code)].slice(0, 50);
  return { isValid: problems.length === 0, problems };
});
