import type { FindingInput } from '../sdk/agent.ts';
import type { Trust } from './db/states.ts';
import type { ModelReply, Part } from './models/model.ts';

/**
 * One turn of a conversation that an earlier attempt held: paid for, so it is not held again. Its texts are as they are stored: whoever goes
 * on with it reads them, and not the thread of the engine, which hands on what may be megabytes a turn.
 */
export interface RecordedTurn {
  /** The reply's parts, as JSON, or with `isOutput` the text that is all of it. */
  readonly said: string;
  readonly isOutput?: true;
  readonly stop: ModelReply['stop'];
  /** What the tools answered, as JSON (`Answered`); null when the attempt ended before all had. */
  readonly answered: string | null;
  /** Whether all that is missing are answers of agents to whom it has handed work. @default nothing was handed on */
  readonly isDelegated?: true;
}

/** What a turn's tool calls came to. */
export interface Answered {
  readonly results: readonly Part[];
  /** Whether free text of records was shown. */
  readonly external: boolean;
  /** The label of the conversation once they were told. @default unknown: a release before labels has recorded it */
  readonly trust?: Trust;
  readonly findings: readonly FindingInput[];
  /** Calls of it that went to other agents. @default none */
  readonly handedOn?: number;
}

/** A turn whose tools have answered, and whose other calls go to agents. */
export interface PartlyAnswered extends Answered {
  readonly delegated: readonly DelegatedCall[];
}

/** A call by which a model hands work to another agent. */
export interface DelegatedCall {
  /** Its place among the turn's calls. */
  readonly at: number;
  /** The model's own name for it. */
  readonly id: string;
  /** Qualified. */
  readonly agent: string;
  /** As that agent takes it. */
  readonly input: unknown;
}

/** What a model has said. */
export function partsOf({ said, isOutput }: RecordedTurn): readonly Part[] {
  return isOutput ? [{ kind: 'text', text: said }] : JSON.parse(said);
}

/** What its tools have answered; null where not all had. */
export function answersOf({ answered }: RecordedTurn): Answered | null {
  return answered === null ? null : (JSON.parse(answered) as Answered);
}
