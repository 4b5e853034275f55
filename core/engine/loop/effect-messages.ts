import { toErrorData } from '../../base/errors.ts';
import { translateDbError } from '../../ports/db/db-error.ts';
import type { Dispatcher, FromThread, SentIntent } from '../../ports/dispatcher.ts';
import type { EffectQuestions } from '../approvals/effect-questions.ts';
import type { Standstill } from '../authority/standstill.ts';
import type { Flushed } from '../journal/journal.ts';
import type { Change } from '../journal/rows.ts';
import type { Store } from '../store/store.ts';
import type { Attempt } from './attempt.ts';

/** What threads are answered with about the effects of their attempts. */
export interface EffectMessageParts {
  readonly store: Pick<Store, 'effect'>;
  /** What people are asked before effects. @default nobody is asked anything */
  readonly questions?: Pick<EffectQuestions, 'of'>;
  readonly standstill: Pick<Standstill, 'clear' | 'clearUntilMs'>;
  readonly dispatcher: Pick<Dispatcher, 'tell' | 'cancel'>;
  readonly isLive: (attempt: Attempt) => boolean;
  /** Writes what an attempt has to say; `durable`: what follows once that is stored. */
  readonly append: (
    attempt: Attempt,
    change: Omit<Change, 'run' | 'step'>,
    durable?: (flushed: Flushed) => void,
  ) => void;
}

/** What an effect has come to, as a thread says it. */
type Effected = Extract<FromThread, { readonly kind: 'effected' }>;

/** What threads say of effects: each word is durable before they are told to go on, and a stop is looked at last. */
export class EffectMessages {
  readonly #parts: EffectMessageParts;

  constructor(parts: EffectMessageParts) {
    this.#parts = parts;
  }

  /** An effect is intended. */
  begin(attempt: Attempt, intent: SentIntent): void {
    this.#parts.append(
      attempt,
      attempt.intended(intent),
      (flushed) => void this.#begun(attempt, intent, flushed),
    );
  }

  /** An effect has ended, is begun anew, or is to use its approval up. */
  ended(attempt: Attempt, end: Effected): void {
    const { append, dispatcher } = this.#parts;
    if (end.approval !== undefined) return void this.#claim(attempt, end);
    append(attempt, attempt.effected(end), () => {
      if (end.state === 'started') void this.#resumed(attempt, end.key);
      else dispatcher.tell({ kind: 'ended', ref: attempt.ref, key: end.key });
    });
  }

  async #begun(attempt: Attempt, intent: SentIntent, flushed: Flushed): Promise<void> {
    const { store, dispatcher, standstill, questions } = this.#parts;
    const { key } = intent;
    const isNew = flushed.newEffects.has(key) && intent.state === 'started';
    try {
      const approval = isNew ? null : await questions?.of(attempt.asking, intent);
      const known = isNew ? null : await store.effect(attempt.run.facts.tenantId, key, approval);
      const clearUntilMs = standstill.clearUntilMs(attempt, attempt.toolOf(key));
      if (known === null) attempt.writing.add(key);
      dispatcher.tell({ kind: 'begun', ref: attempt.ref, key, known, clearUntilMs });
    } catch (error) {
      dispatcher.cancel(attempt.ref, toErrorData(translateDbError(error)));
    }
  }

  /** An approval is to be used up: not for what is stopped, which keeps it until the stop is lifted. */
  async #claim(attempt: Attempt, claim: Effected): Promise<void> {
    const { standstill, dispatcher, isLive, append } = this.#parts;
    const at = { ref: attempt.ref, key: claim.key };
    try {
      await standstill.clear(attempt, attempt.toolOf(claim.key));
    } catch (error) {
      return dispatcher.tell({ kind: 'stopped', ...at, error: toErrorData(error) });
    }
    if (!isLive(attempt)) return;
    append(attempt, attempt.effected(claim), ({ newEffects }) => {
      const clearUntilMs = standstill.clearUntilMs(attempt, attempt.toolOf(claim.key));
      dispatcher.tell({ kind: 'ended', ...at, isLate: !newEffects.has(claim.key), clearUntilMs });
    });
  }

  /** What is begun anew is durable; it happens only if nothing stops it, which is looked at last. */
  async #resumed(attempt: Attempt, key: string): Promise<void> {
    const { standstill, dispatcher } = this.#parts;
    const at = { ref: attempt.ref, key };
    try {
      const clearUntilMs = await standstill.clear(attempt, attempt.toolOf(key));
      dispatcher.tell({ kind: 'ended', ...at, clearUntilMs });
    } catch (error) {
      dispatcher.tell({ kind: 'stopped', ...at, error: toErrorData(error) });
    }
  }
}
