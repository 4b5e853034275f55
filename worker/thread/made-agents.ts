import type { MadeAgent } from '../../core/sdk/agent-document.ts';
import { agentOf } from '../../core/sdk/made-agent.ts';
import type { Declarations, RegisteredAgent } from '../../core/sdk/registry.ts';

const mostKept = 512;

/** The agents of a thread: those that it has loaded, and those that people have made, which it makes from what a job brings. */
export class MadeAgents {
  readonly #declared: Declarations;
  /** By the digest of their documents; the one that was made first is forgotten first. */
  readonly #kept = new Map<string, RegisteredAgent>();

  constructor(declared: Declarations) {
    this.#declared = declared;
  }

  /** Undefined where none is loaded and nothing says what it follows from. @throws AGENT_INVALID when it does not fit what is loaded */
  find(name: string, made: MadeAgent | undefined): RegisteredAgent | undefined {
    if (!made) return this.#declared.agents.get(name);
    const known = this.#kept.get(made.digest);
    if (known) return known;
    const agent = agentOf(made, this.#declared);
    if (this.#kept.size >= mostKept) this.#kept.delete(this.#kept.keys().next().value as string);
    this.#kept.set(made.digest, agent);
    return agent;
  }
}
