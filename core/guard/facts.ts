import type { Doing } from '../ports/db/lineage.ts';
import type { Policy } from '../sdk/policy.ts';
import type { Effect } from '../sdk/tool.ts';

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

/** A tool call as the rules see it: who asks for what, and everything that bears on the answer. */
export interface Facts {
  /** Qualified: `finance.three_way_match`. */
  readonly agent: string;
  readonly agentModule: string;
  readonly tool: string;
  readonly toolModule: string;
  readonly effect: Effect;
  /** Whether the agent's declaration lists the tool. */
  readonly listed: boolean;
  readonly access: 'public' | 'module';
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
}
