import type { Money } from '../base/money.ts';
import type { Doing } from '../ports/db/lineage.ts';
import type { Trust } from '../ports/db/states.ts';
import type { Grant, Policy } from '../sdk/policy/policy.ts';
import type { Risk } from '../sdk/policy/tier.ts';
import type { Effect, ToolAccess } from '../sdk/tool.ts';

/** A posting date, and the state of its period: the strictest of the ledgers that it goes through. */
export interface PostingFact {
  readonly company: string;
  readonly date: string;
  /** Code of the period, or null where none holds the date. */
  readonly period: string | null;
  readonly ledger: string;
  readonly state: 'open' | 'soft_closed' | 'locked' | 'missing';
}

/** What the call's duty must be apart from: what the same actor has done to its documents, or is about to. */
export interface LineageFact {
  readonly duty: string;
  readonly done: readonly Doing[];
}

/** The money that a call moves, and what compares it with the amounts of tiers. */
export interface AmountFact {
  /** Without its sign. */
  readonly money: Money;
  /**
   * By currency, what one unit is worth in the group's at the business date: of the money's own and of those that tiers name. Null where
   * nobody knows.
   */
  readonly rates: Readonly<Record<string, string | null>>;
}

/** A tool call as the rules see it: who asks for what, and everything that bears on the answer. */
export interface Facts {
  /** Qualified: `finance.three_way_match`. */
  readonly agent: string;
  readonly agentModule: string;
  /** The agents that have handed it the work, one to the other: what any of them may not, it may not. @default nobody has */
  readonly delegators?: readonly string[];
  readonly tool: string;
  readonly toolModule: string;
  readonly effect: Effect;
  /** Whether the agent's declaration lists the tool. */
  readonly listed: boolean;
  readonly access: ToolAccess;
  /** Whether a grant of run time gives the tool to the agent, or to a role of whoever it works for. */
  readonly granted: boolean;
  /** Code of the run's company, or null for a run over the whole group. */
  readonly company: string | null;
  /** Whether a person waits for the run; unattended runs leave proposals instead of asking. */
  readonly attended: boolean;
  /** Whether nothing is to happen: effects are noted, with what would have become of them. */
  readonly rehearsal: boolean;
  readonly policies: readonly Policy[];
  /** Where the call posts to the books; null for nowhere, and for a company that keeps no periods. */
  readonly posting: PostingFact | null;
  /** Null where the tool has no duty that a policy's rules name. */
  readonly lineage: LineageFact | null;
  /** Null for what moves no money, and where no tier for the tool names an amount. */
  readonly amount: AmountFact | null;
  readonly risk: Risk;
  /** What the context of the call has read, at worst. */
  readonly trust: Trust;
  /** Null where master data confirms the sensitive arguments, else what it does not; undefined where nobody has asked. */
  readonly grounded: string | null | undefined;
  /** Grants that were set at run time; they stand before the policies'. */
  readonly autonomy: readonly Grant[];
  /** Whether the agent's effects are only observed for now. */
  readonly shadow: boolean;
}
