import type { Dispatcher } from '../../ports/dispatcher.ts';
import { gateNames } from '../limits/gate-limits.ts';
import type { Permit } from '../limits/permits.ts';
import type { Quotas } from '../limits/quotas.ts';
import { priorityOf } from '../run/priority-of.ts';
import type { Attempt } from './attempt.ts';

/** What calls of limited sides work with. */
export interface SideCallParts {
  readonly quotas: Quotas;
  readonly dispatcher: Dispatcher;
}

/** A call of a limited side: waiting, with what takes the question back, or under way, with its permit. */
type SideCall = { readonly cancel: () => void } | { readonly permit: Permit };

/** The calls that running attempts make of tools and of the ERP where these are limited. What an attempt holds ends with it. */
export class SideCalls {
  readonly #parts: SideCallParts;
  readonly #byAttempt = new Map<Attempt, Map<number, SideCall>>();

  constructor(parts: SideCallParts) {
    this.#parts = parts;
  }

  /** A thread asks to begin call `id` of its attempt. */
  enter(attempt: Attempt, { id, side }: { readonly id: number; readonly side: string }): void {
    const { quotas, dispatcher } = this.#parts;
    const own = this.#byAttempt.get(attempt) ?? new Map<number, SideCall>();
    this.#byAttempt.set(attempt, own);
    const cancel = quotas.request({
      names: [side === 'erp' ? gateNames.erp(attempt.run.facts.tenantId) : side],
      get priority() {
        return priorityOf(attempt.run, attempt.step);
      },
      grant: (permit) => {
        own.set(id, { permit });
        dispatcher.tell({ kind: 'entered', ref: attempt.ref, id });
      },
    });
    if (!own.has(id)) own.set(id, { cancel });
  }

  /** Call `id` has ended. */
  leave(attempt: Attempt, id: number): void {
    const own = this.#byAttempt.get(attempt);
    const call = own?.get(id);
    own?.delete(id);
    if (call) this.#end(call);
  }

  /** An attempt has ended, and with it all that it called. */
  close(attempt: Attempt): void {
    const own = this.#byAttempt.get(attempt);
    this.#byAttempt.delete(attempt);
    for (const call of own?.values() ?? []) this.#end(call);
  }

  #end(call: SideCall): void {
    if ('permit' in call) this.#parts.quotas.release(call.permit);
    else call.cancel();
  }
}
