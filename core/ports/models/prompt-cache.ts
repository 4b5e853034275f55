import { digest } from '../../base/ids.ts';
import type { ModelRequest } from './model.ts';

/**
 * OpenAI's `prompt_cache_key`: sends calls that begin alike to machines that have read that beginning. It is a hash of what an
 * agent's calls share (model, instructions, tools, form of the answer) and holds nothing of the records they are about.
 * How long the provider keeps what it cached is left to it.
 * @see https://developers.openai.com/api/docs/guides/prompt-caching (2026-11)
 */
export function promptCacheKey({ model, instructions, tools, output }: ModelRequest): string {
  const prefix = JSON.stringify([model, instructions, tools, output]);
  return `tutti-${digest('prompt-cache', prefix).toString('hex').slice(0, 32)}`;
}
