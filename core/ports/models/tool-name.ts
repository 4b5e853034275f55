import { EngineError } from '../../base/errors.ts';
import { digest } from '../../base/ids.ts';

/**
 * A tool's name as providers allow it, `[a-zA-Z0-9_-]{1,64}`: dots become hyphens. A name that holds anything else
 * but letters, digits, `_` and dots, or is longer than 64, ends in 8 characters of its digest instead, so that no two meet.
 */
export function toProviderName(name: string): string {
  if (/^[a-zA-Z0-9_.]{1,64}$/.test(name)) return name.replaceAll('.', '-');
  const safe = name.replace(/[^a-zA-Z0-9_-]/g, '-').slice(0, 55);
  return `${safe}-${digest('tool-name', name).toString('hex').slice(0, 8)}`;
}

/** Reads provider names back into tool names; a name that was not offered comes back with dots for hyphens. */
type ReadName = (providerName: string) => string;

/** The way back for the tools of one request. @throws MODEL_REFUSED when two tools look alike to a provider */
export function readNames(tools: readonly { readonly name: string }[]): ReadName {
  const names = new Map<string, string>();
  for (const { name } of tools) {
    const other = names.get(toProviderName(name));
    if (other !== undefined && other !== name) {
      throw new EngineError(
        'MODEL_REFUSED',
        `Tools ${other} and ${name} have the same name for a model; rename one of them.`,
      );
    }
    names.set(toProviderName(name), name);
  }
  return (providerName) => names.get(providerName) ?? providerName.replaceAll('-', '.');
}
