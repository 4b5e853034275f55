/**
 * An object with the same members, which calls `mark` whenever one of its promises is about to let its caller go on: that is how a
 * thread that hangs can tell whose code was running.
 */
export function marking<T extends object>(object: T, mark: () => void): T {
  return new Proxy(object, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...args: readonly unknown[]) => {
        const result: unknown = Reflect.apply(member, target, args);
        return result instanceof Promise ? marked(result, mark) : result;
      };
    },
  });
}

/** An object whose members are such objects. */
export function markingEach<T extends object>(object: T, mark: () => void): T {
  const members = Object.entries(object).map(([name, member]) => [name, marking(member, mark)]);
  return Object.fromEntries(members) as T;
}

/** The same promise, which calls `mark` when it is about to let its caller go on. */
export async function marked<T>(promise: Promise<T>, mark: () => void): Promise<T> {
  try {
    return await promise;
  } finally {
    mark();
  }
}
