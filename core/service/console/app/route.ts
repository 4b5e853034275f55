import { useSyncExternalStore } from 'react';

/** Where the reader is: `#/runs/ID?status=failed`. It stands behind the `#`, so that one page serves all of them, reloads included. */
export interface Route {
  /** Decoded; `[]` is the overview. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

/** The address of a place in the console. */
export function hrefOf(
  parts: readonly string[],
  query: Readonly<Record<string, string | null | undefined>> = {},
): string {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value) asked.set(name, value);
  const text = asked.toString();
  return `#/${parts.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}

/** Reads an address; one that nobody made leads to the overview. */
function readHash(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  try {
    const parts = path.split('/').filter((part) => part !== '');
    return { parts: parts.map(decodeURIComponent), query: new URLSearchParams(query) };
  } catch {
    return { parts: [], query: new URLSearchParams() };
  }
}

/** Where the reader is, now and after each step. */
export function useRoute(): Route {
  return readHash(useSyncExternalStore(listen, () => location.hash));
}

/** Goes to where the same page shows something else of its list. */
export function narrow({ parts, query }: Route, change: Readonly<Record<string, string>>): void {
  location.hash = hrefOf(parts, { ...Object.fromEntries(query), ...change });
}

function listen(tell: () => void): () => void {
  window.addEventListener('hashchange', tell);
  return () => window.removeEventListener('hashchange', tell);
}
