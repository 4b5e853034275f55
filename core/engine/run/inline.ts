import { EngineError, toErrorData } from '../../base/errors.ts';
import type { CompiledNode } from '../graph/compiled.ts';
import { holds } from '../graph/condition.ts';
import type { Expression, ExpressionScope } from '../graph/expression.ts';
import type { Ended } from './outcome.ts';
import type { Gathered } from './scope.ts';

/** What a node is decided with. */
export interface Sight {
  readonly scope: () => ExpressionScope;
  /** What it works on, for a compute. */
  readonly gathered: () => Gathered;
  /** Whether a condition that is neither true nor false fails; else it does not hold. @default true */
  readonly isStrict?: boolean;
}

/** The journal format from which on conditions are true or false; before, whatever else they gave was no. */
export const strictJournal = 6;

/**
 * What becomes of a node without anything outside: its own condition may skip it, and a gate, a switch and a compute are done at
 * once. Null: there is work to do. Pure, so that a new owner comes to the same.
 */
export function decideInline(place: CompiledNode, sight: Sight): Ended | null {
  const { isStrict = true } = sight;
  const asks = (when: Expression, of: string): boolean =>
    isStrict ? holds(when, sight.scope(), of) : when(sight.scope()) === true;
  try {
    if (place.when && !asks(place.when, `'${place.id}'`)) return { kind: 'skipped' };
    switch (place.kind) {
      case 'gate':
        return done(null);
      case 'switch': {
        const chosen = place.choices.find((each) =>
          asks(each.when, `'${place.id}', case '${each.id}',`),
        );
        const id = chosen?.id ?? place.otherwise;
        return id === null ? { kind: 'skipped' } : done({ case: id });
      }
      case 'compute':
        return done(place.value({ ...sight.scope(), ...sight.gathered() }));
      default:
        return null;
    }
  } catch (error) {
    return { kind: 'failed', error: toErrorData(error) };
  }
}

/** What a node has brought that was decided so before. @throws EXPRESSION_INVALID when it comes out otherwise now */
export function remake(place: CompiledNode, sight: Sight): unknown {
  // How it was decided stands already.
  const ended = decideInline({ ...place, when: null }, { ...sight, isStrict: false });
  if (ended?.kind === 'succeeded') return ended.output;
  const why = ended?.kind === 'failed' ? ended.error.message : 'No case of it would be chosen.';
  throw new EngineError('EXPRESSION_INVALID', `Node '${place.id}' comes out otherwise now: ${why}`);
}

const done = (output: unknown): Ended => ({ kind: 'succeeded', output });

/** Whether a node is decided by its expressions alone. */
export function isInline({ kind }: Pick<CompiledNode, 'kind'>): boolean {
  return kind === 'gate' || kind === 'switch' || kind === 'compute';
}

/** Whether a node waits for something outside of its run: people, a moment, an event, another run. */
export function isOutside({ kind }: Pick<CompiledNode, 'kind'>): boolean {
  return kind === 'approval' || kind === 'wait' || kind === 'workflow';
}
