import { z } from 'zod';
import { namedIn } from '../../base/text.ts';

/** The name among `names` that was probably meant: at most a third of its letters differ. */
function nearest(name: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((each) => ({ each, cost: distance(name.slice(0, 32), each) }))
    .filter(({ each, cost }) => cost <= Math.max(1, Math.floor(each.length / 3)))
    .sort((a, b) => a.cost - b.cost);
  return best?.each;
}

/** Letters to add, drop, change or swap with their neighbour (F. J. Damerau, Communications of the ACM 7, 1964). */
function distance(a: string, b: string): number {
  let above: readonly number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? (above[j - 2] as number) + 1 : change;
      next.push(Math.min(change, swap, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    above = row;
    row = next;
  }
  return row[b.length] as number;
}

/** Names that are told of one object, so that an object of a million of them is one short fault. */
const toldNames = 20;

/** One line a name, in the order of the issue's `keys`. */
function unknownNames(keys: readonly string[], names: readonly string[]): string {
  const told = keys.slice(0, toldNames).map((key) => {
    const meant = nearest(key, names);
    const hint = meant ? `did you mean '${meant}'?` : `known are ${names.join(', ')}`;
    return `is not known here; ${hint}`;
  });
  return told.join('\n');
}

/** An object that says which names it has when it is given another. */
export function form<S extends z.core.$ZodLooseShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? unknownNames(issue.keys, Object.keys(shape)) : undefined,
  });
}

/** What is wrong with the `kind` of one of several forms. */
export function kindFault(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'invalid_union') return undefined;
  const kinds = ((issue.options ?? []) as readonly unknown[]).map(String);
  const kind = (issue.input as { readonly kind?: unknown } | undefined)?.kind;
  if (kind === undefined) return `is missing; write one of ${kinds.join(', ')}`;
  const name = namedIn(kind);
  const meant = nearest(name, kinds);
  const hint = meant ? `did you mean '${meant}'?` : `write one of ${kinds.join(', ')}`;
  return `is '${name}', which is no kind here; ${hint}`;
}
