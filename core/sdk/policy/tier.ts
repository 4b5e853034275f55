import type { Money } from '../../base/money.ts';
import type { AnyTool } from '../tool.ts';

/** How much a call may do that nobody takes back. */
export type Risk = 'low' | 'normal' | 'high';

/**
 * Who must agree to a write before it happens. Of all that match a call, every one must be met by the same question: the largest
 * `required`, the deciders of the one with the highest `above`, the shortest `expires`.
 */
export interface Tier {
  readonly name: string;
  /** Names or patterns, as in a grant. @default all */
  readonly agents?: readonly string[];
  /** @default all */
  readonly tools?: readonly string[];
  /** Codes or patterns: of the run's company and of the one that it posts to. A call that names neither is of each. @default all */
  readonly companies?: readonly string[];
  /** From this amount on; a call whose amount cannot be told in this currency counts as above. @default any amount */
  readonly above?: Money;
  /** From this risk on. @default any */
  readonly risk?: Risk;
  /** Roles or persons that may decide. */
  readonly by: readonly string[];
  /** Yeses of different people. @default 1 */
  readonly required?: number;
  /** ISO 8601 duration after which nobody decides any more. @default 'P7D' */
  readonly expires?: string;
  /** Who may decide as well, from how long after the question on. @default nobody */
  readonly escalate?: { readonly after: string; readonly to: readonly string[] };
}

/** What a question about a write asks of its deciders. */
export interface Terms {
  /** Name of the tier that names the deciders; `default` where none matches. */
  readonly tier: string;
  readonly by: readonly string[];
  readonly required: number;
  readonly expiresMs: number;
  readonly escalate?: { readonly afterMs: number; readonly to: readonly string[] };
  /** Currencies without an exchange rate, because of which the amount counts as above. @default the amount is known in all that matter */
  readonly unrated?: readonly string[];
}

/** Agents whose model may have read text from outside and that may still write with these tools. */
export interface ExternalGrant {
  readonly agents: readonly string[];
  readonly tools: readonly string[];
  /** `master_data`: the tool's `grounded` must confirm its sensitive arguments. */
  readonly check: 'master_data' | 'none';
}

/** The risk of a tool: low for a draft, high for what leaves the company or has no undo. */
export function riskOf({ effect, undo }: Pick<AnyTool, 'effect' | 'undo'>): Risk {
  if (effect === 'read' || effect === 'propose') return 'low';
  return effect === 'send' || !undo || 'none' in undo ? 'high' : 'normal';
}
