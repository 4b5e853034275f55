import type { Policy } from '../sdk/policy.ts';
import type { Effect } from '../sdk/tool.ts';

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
}
