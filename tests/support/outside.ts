/** What a tool's test reaches beyond the ERP: what it names is real, everything else refuses. */
import assert from 'node:assert/strict';
import type { Invoked } from '../../core/guard/invoke.ts';
import { nothingOutside, type OutsideOf } from '../../core/ports/outside.ts';
import type { Outside } from '../../core/sdk/outside.ts';

/** The scope of a test of a general tool. */
export function outsideScope(ways: (signal: AbortSignal) => Partial<Outside>): {
  readonly outside: OutsideOf;
} {
  return { outside: (signal) => ({ ...nothingOutside, ...ways(signal) }) };
}

/** That a call has ended in this error. */
export function assertFault(
  outcome: Invoked,
  wanted: { readonly code?: string; readonly message?: string | RegExp },
): void {
  assert.ok(outcome.kind === 'error', `no error but '${outcome.kind}'`);
  const { code, message } = outcome.error;
  if (wanted.code !== undefined) assert.equal(code, wanted.code, message);
  if (typeof wanted.message === 'string') assert.equal(message, wanted.message);
  if (wanted.message instanceof RegExp) assert.match(message, wanted.message);
}
