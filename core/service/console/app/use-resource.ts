import { useCallback, useEffect, useState } from 'react';
import { pathOf } from '../api/client.ts';
import { asProblem, type Problem } from '../api/problem.ts';
import type { Page } from '../api/shapes.ts';
import { useSession } from './session.ts';

/** Something of the API, as it was when it was last read. */
export interface Resource<T> {
  /** Undefined until it has come; what came last stays while newer is on its way, or does not come. */
  readonly data: T | undefined;
  readonly problem: Problem | null;
  readonly isLoading: boolean;
  /** Reads it again now. */
  refresh(): void;
}

interface State<T> {
  readonly data: T | undefined;
  readonly problem: Problem | null;
  readonly isLoading: boolean;
}

/**
 * Reads a path of the API, again whenever it changes and every `everyMs`; a reader who has gone is read nothing for, nor is one who looks
 * elsewhere. Null reads nothing.
 */
export function useResource<T>(path: string | null, everyMs = 0): Resource<T> {
  const { client } = useSession();
  const load = useCallback(
    (signal: AbortSignal) => client.get<T>(path ?? '', signal),
    [client, path],
  );
  return useLoaded(path === null ? null : load, everyMs);
}

/** The items of a list, a page at first and one more each time that somebody asks for more. */
export interface Pages<T> extends Resource<readonly T[]> {
  /** Null: there are no more. */
  readonly more: (() => void) | null;
}

/** Reads a list, as many pages of it as somebody has asked for. */
export function usePages<T>(
  path: string | null,
  query: Parameters<typeof pathOf>[1],
  everyMs = 0,
): Pages<T> {
  const { client } = useSession();
  const asked = path === null ? null : pathOf(path, query);
  const [wish, setWish] = useState({ asked, pages: 1 });
  const pages = wish.asked === asked ? wish.pages : 1;
  const load = useCallback(
    async (signal: AbortSignal): Promise<Page<T>> => {
      let list: Page<T> = { items: [], next: null };
      for (let page = 0; page < pages; page += 1) {
        const cursor = list.next === null ? '' : `&cursor=${encodeURIComponent(list.next)}`;
        const read = await client.get<Page<T>>(`${asked}${cursor}`, signal);
        list = { items: [...list.items, ...read.items], next: read.next };
        if (list.next === null) break;
      }
      return list;
    },
    [client, asked, pages],
  );
  const { data, ...rest } = useLoaded(asked === null ? null : load, everyMs);
  const more = data?.next ? () => setWish({ asked, pages: pages + 1 }) : null;
  return { ...rest, data: data?.items, more };
}

function useLoaded<T>(
  load: ((signal: AbortSignal) => Promise<T>) | null,
  everyMs: number,
): Resource<T> {
  const [state, setState] = useState<State<T>>({ data: undefined, problem: null, isLoading: true });
  const [turn, setTurn] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` has it read once more
  useEffect(() => {
    if (load === null) return;
    const gone = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async (): Promise<void> => {
      if (!document.hidden) setState(await readInto(load, gone.signal));
      if (everyMs > 0 && !gone.signal.aborted) timer = setTimeout(read, everyMs);
    };
    setState((state) => ({ ...state, isLoading: true }));
    void read();
    return () => {
      gone.abort();
      clearTimeout(timer);
    };
  }, [load, everyMs, turn]);
  const refresh = useCallback(() => setTurn((turn) => turn + 1), []);
  return { ...state, refresh };
}

async function readInto<T>(
  load: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<(state: State<T>) => State<T>> {
  try {
    const data = await load(signal);
    return (state) => (signal.aborted ? state : { data, problem: null, isLoading: false });
  } catch (error) {
    const problem = asProblem(error);
    return (state) => (signal.aborted ? state : { ...state, problem, isLoading: false });
  }
}
