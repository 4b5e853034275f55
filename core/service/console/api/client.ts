import { asProblem, isAbort, type Problem, problemOf } from './problem.ts';
import type { Me } from './shapes.ts';

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
 * The console's only way to the API. Whoever signs in shows a key once and goes on with the session that the server keeps: its cookie is
 * out of reach of scripts, and the key is kept nowhere. Without a session it is whoever the server takes callers of its own machine for.
 */
export class Client {
  /** What changes are sent with; null: there is no session. */
  #csrfToken: string | null = null;
  readonly #watchers = new Set<(why: Problem) => void>();
  /** The API's root: the console may stand below a path of a proxy. */
  readonly #root = new URL('..', new URL('.', location.href));

  /** Whether somebody has signed in here. */
  get hasSession(): boolean {
    return this.#csrfToken !== null;
  }

  /** Tells when whoever had signed in is nobody any more. Returns how to be told no longer. */
  onStranger(tell: (why: Problem) => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  /** Who this is. @throws Problem 401 for nobody */
  async me(): Promise<Me> {
    const me = await this.get<Omit<Me, 'person'>>('v1/me');
    // Who is known without one is on the server's machine.
    const session = me.hasSession ? await this.get<Own>('v1/sessions/current') : null;
    this.#csrfToken = session?.csrfToken ?? null;
    return { ...me, person: session?.session.person ?? null };
  }

  /** Begins a session for a key or a token. @throws Problem for one that does not count */
  async signIn(key: string): Promise<Me> {
    const headers = { Authorization: `Bearer ${key}` };
    await this.send<Own>('v1/sessions', { method: 'POST', headers });
    return this.me();
  }

  /** Ends the session. */
  async signOut(): Promise<void> {
    await this.send('v1/sessions/current', { method: 'DELETE' });
    this.#csrfToken = null;
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
    const isChange = method !== 'GET';
    const response = await fetch(new URL(path, this.#root), {
      method,
      headers: {
        ...headers,
        ...(isChange && this.#csrfToken !== null && { 'X-CSRF-Token': this.#csrfToken }),
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
    const problem = await problemOf(response);
    if (response.status === 401 && headers?.Authorization === undefined)
      for (const tell of this.#watchers) tell(problem);
    throw problem;
  }
}

/** A session of one's own. */
interface Own {
  readonly csrfToken: string;
  readonly session: Pick<Me, 'person'>;
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
