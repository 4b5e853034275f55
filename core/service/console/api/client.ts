import { asProblem, isAbort, problemOf } from './problem.ts';
import type { Me } from './shapes.ts';

const stored = 'tutti.key';

/** What a request to the API may say beside its path. */
export interface Ask {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly body?: unknown;
  /** The idempotency key of what begins work. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * The console's only way to the API. It keeps the key of whoever has signed in for as long as the tab is open; without one it is whoever
 * the server takes callers of its own machine for.
 */
export class Client {
  #key: string | null = sessionStorage.getItem(stored);
  readonly #watchers = new Set<() => void>();

  /** The API's root: the console may stand below a path of a proxy. */
  readonly #root = new URL('..', new URL('.', location.href));

  /** Who this is. @throws Problem 401 for nobody */
  async me(signal?: AbortSignal): Promise<Me> {
    return this.get<Me>('v1/me', signal);
  }

  /** Tells when whoever had signed in is nobody any more. Returns how to be told no longer. */
  onStranger(tell: () => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  /** @throws Problem for a key that does not count */
  async signIn(key: string): Promise<Me> {
    const former = this.#key;
    this.#key = key;
    try {
      const me = await this.me();
      sessionStorage.setItem(stored, key);
      return me;
    } catch (error) {
      this.#key = former;
      throw error;
    }
  }

  async signOut(): Promise<void> {
    this.#key = null;
    sessionStorage.removeItem(stored);
  }

  /** @throws Problem */
  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.send<T>(path, signal ? { signal } : {});
  }

  /** Asks for something, or for a change. Undefined where the answer is empty. @throws Problem */
  async send<T>(path: string, ask: Ask = {}): Promise<T> {
    const response = await this.open(path, ask);
    const text = await response.text();
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** The answer itself, for streams. @throws Problem */
  async open(path: string, ask: Ask): Promise<Response> {
    const { method = 'GET', body, key, headers, signal } = ask;
    const response = await fetch(new URL(path, this.#root), {
      method,
      headers: {
        ...headers,
        ...(this.#key !== null && { Authorization: `Bearer ${this.#key}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(key !== undefined && { 'Idempotency-Key': key }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
      cache: 'no-store',
    }).catch((thrown: unknown) => {
      throw isAbort(thrown) ? thrown : asProblem(thrown);
    });
    if (response.ok) return response;
    if (response.status === 401) for (const tell of this.#watchers) tell();
    throw await problemOf(response);
  }
}

/** A path of the API with its query; what is empty is left out. */
export function pathOf(
  path: string,
  query: Readonly<Record<string, string | number | boolean | null | undefined>> = {},
): string {
  const asked = Object.entries(query).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  );
  if (asked.length === 0) return path;
  return `${path}?${new URLSearchParams(asked.map(([name, value]) => [name, String(value)]))}`;
}
