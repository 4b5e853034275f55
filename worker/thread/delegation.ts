import { EngineError } from '../../core/base/errors.ts';
import { toVisibleData } from '../../core/base/text.ts';
import { issues } from '../../core/guard/invoke.ts';
import type { Job } from '../../core/ports/dispatcher.ts';
import type { Part } from '../../core/ports/models/model.ts';
import { answersOf, type DelegatedCall } from '../../core/ports/recorded-turn.ts';
import type { AnyAgent } from '../../core/sdk/agent.ts';
import type { RegisteredAgent } from '../../core/sdk/registry.ts';

/** What an agent may hand on, and how far. */
export interface HandingOn {
  readonly delegates: readonly RegisteredAgent[];
  /** How many agents may stand behind each other, the first one not counted. */
  readonly depth: number;
  /** Calls of one conversation. */
  readonly calls: number;
}

type Call = Extract<Part, { kind: 'call' }>;

/** One call of a turn. */
interface Asked {
  readonly call: Call;
  readonly delegate: RegisteredAgent;
  /** Whether the policies in force let it be handed on. */
  readonly isOpen: boolean;
  /** Its place among the turn's calls. */
  readonly at: number;
  /** Calls of this turn that are handed on already. */
  readonly before: number;
}

/**
 * What is handed on by a call of a turn.
 * @throws TOOL_INPUT_INVALID · TOOL_REFUSED: what the model is told instead
 */
export function handedOn(
  { depth, calls }: Pick<HandingOn, 'depth' | 'calls'>,
  job: Pick<Job, 'delegated' | 'recorded'>,
  { call, delegate, isOpen, at, before }: Asked,
): DelegatedCall {
  const { name, agent } = delegate;
  if (!isOpen)
    throw new EngineError(
      'TOOL_REFUSED',
      `The policies in force let you hand nothing to '${name}'; do without.`,
    );
  const above = job.delegated?.agents.length ?? 0;
  if (above >= depth)
    throw new EngineError(
      'TOOL_REFUSED',
      `Work is handed on ${depth} times in a row at most (delegation.depth), so '${name}' gets none of it; do without.`,
    );
  const handed = job.recorded.reduce((sum, turn) => sum + (answersOf(turn)?.handedOn ?? 0), 0);
  if (handed + before >= calls)
    throw new EngineError(
      'TOOL_REFUSED',
      `One conversation hands work on ${calls} times at most (delegation.calls), so '${name}' gets no more; end with what you have.`,
    );
  const input = toVisibleData(call.args);
  const parsed = (agent as AnyAgent).input.safeParse(input);
  if (!parsed.success)
    throw new EngineError(
      'TOOL_INPUT_INVALID',
      `Agent '${name}' does not take this: ${issues(parsed.error)}.`,
    );
  return { at, id: call.id, agent: name, input };
}

/** Ends an attempt whose model waits for what other agents answer; no failure. */
export function waitsForOthers(): EngineError {
  return new EngineError(
    'TURN_DELEGATED',
    'The step has handed work to other agents and waits for what they answer.',
  );
}
