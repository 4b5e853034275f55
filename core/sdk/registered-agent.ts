import type { AnyAgent } from './agent.ts';
import type { MadeAgent } from './agent-document.ts';

/** An agent as the engine knows it. */
export interface RegisteredAgent {
  /** `module.agent` */
  readonly name: string;
  readonly module: string;
  readonly agent: AnyAgent;
  /** Whether it is that of a tool: it never asks a model. */
  readonly isTool?: true;
  /** Whether it acts in Tutti's own workflows alone: what it is asked for, nobody decides after that. */
  readonly isOwn?: true;
  /** The agents that it may hand work to. @default none */
  readonly delegates?: readonly RegisteredAgent[];
  /** Of an agent that was made at run time: the document that it follows from. */
  readonly made?: MadeAgent;
}
