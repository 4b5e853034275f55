import { EngineError } from '../../core/base/errors.ts';

/** What works while it is watched: it tells what happens, and ends with a result. */
type Work<E, R> = (tell: (event: E) => void, signal: AbortSignal) => Promise<R>;

/** Makes a stream of work that tells. Whoever leaves the stream ends the work. */
export async function* streamed<E, R>(
  work: Work<E, R>,
  signal?: AbortSignal,
): AsyncGenerator<E, R, void> {
  const left = new AbortController();
  const told: E[] = [];
  let isOver = false;
  let wake = (): void => {};
  const ended = work(
    (event) => {
      told.push(event);
      wake();
    },
    signal ? AbortSignal.any([signal, left.signal]) : left.signal,
  ).finally(() => {
    isOver = true;
    wake();
  });
  ended.catch(() => {});
  try {
    for (;;) {
      for (let event = told.shift(); event !== undefined; event = told.shift()) yield event;
      if (isOver) return await ended;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    if (!isOver) left.abort(new EngineError('CANCELLED', 'Nobody reads the answer any more.'));
  }
}

/** Passes a stream on in other words. Whoever leaves it leaves the stream behind it. */
export async function* retold<E, F, R>(
  stream: AsyncGenerator<E, R, void>,
  tell: (event: E) => Iterable<F>,
): AsyncGenerator<F, R, void> {
  try {
    for (;;) {
      const { done, value } = await stream.next();
      if (done) return value;
      yield* tell(value);
    }
  } finally {
    await stream.return(undefined as R);
  }
}
