import { type HttpResponse, readText, Text, z } from 'tutti';

/** How much of an answer's text a caller takes. */
export const maxCharacters = z.int().min(1).max(1_000_000);

/** Headers of a request, by name; keys and tokens come from the configuration, never from here. */
export const headers = z
  .array(z.object({ name: z.string().min(1).max(100), value: z.string().max(4_000) }))
  .max(20)
  .default([]);

/** What came back. */
export const answer = z.object({
  status: z.int(),
  /** Where the last redirect led. */
  url: z.string(),
  /** `application/json`, in lower case; empty where the answer does not say. */
  type: z.string(),
  text: z.string(),
  /** Whether the text goes on. */
  isCut: z.boolean(),
});

/** An answer with as much of its text as is wanted. */
export function shorten(response: HttpResponse, most: number): z.infer<typeof answer> {
  const { status, url, text } = response;
  return {
    status,
    url,
    type: typeOf(response),
    text: text.slice(0, most).toWellFormed(),
    isCut: text.length > most,
  };
}

/** Its media type, without parameters. */
export function typeOf({ headers }: Pick<HttpResponse, 'headers'>): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** Headers as a record. */
export function recordOf(list: z.infer<typeof headers>): Record<string, string> {
  return Object.fromEntries(list.map(({ name, value }) => [name, value]));
}

/** Text of strangers as people see it: without invisible and control characters, but for tabs and line breaks. */
export function visible(text: string): string {
  return readText(new Text(text))
    .replace(/(?![\t\n])\p{Cc}/gu, '')
    .toWellFormed();
}
