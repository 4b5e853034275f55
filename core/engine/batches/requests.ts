import { EngineError } from '../../base/errors.ts';
import { Prompt } from '../../guard/prompt.ts';
import type { Message, ModelRequest } from '../../ports/models/model.ts';
import { answersOf, partsOf } from '../../ports/recorded-turn.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import type { Run } from '../run/run.ts';
import { pathOf, type Step } from '../run/step.ts';
import type { Store } from '../store/store.ts';
import type { BatchCall } from './calls.ts';

/** What requests are made from. */
export interface RequestParts {
  readonly store: Pick<Store, 'conversation'>;
  /** The agent that does a step now. */
  readonly agentOf: (step: Step) => RegisteredAgent;
}

/**
 * The requests that a thread would send, made from what the journal has: the step's input and the conversation so far. Nothing of a
 * request is stored for its batch, so whoever owns the run can make it again.
 */
export class Requests {
  readonly #parts: RequestParts;
  readonly #prompts = new Map<RegisteredAgent, Prompt>();

  constructor(parts: RequestParts) {
    this.#parts = parts;
  }

  /** UTF-8 bytes of a step's first request, or null where its input is not what its agent takes. */
  firstBytes(run: Run, step: Step): number | null {
    const agent = this.#parts.agentOf(step);
    try {
      return this.#prompt(agent).bytes(inputOf(run, step, agent), run.facts.goal?.text);
    } catch {
      return null;
    }
  }

  /** The request of a call. @throws INPUT_INVALID where it cannot be made from the journal · DB_* */
  async of({ run, step, turn, model, target }: BatchCall): Promise<ModelRequest> {
    const agent = this.#parts.agentOf(step);
    const prompt = this.#prompt(agent);
    const { businessDate, goal } = run.facts;
    const opening = prompt.opening(inputOf(run, step, agent), businessDate, goal?.text);
    const messages = [opening, ...(turn > 1 ? await this.#said(run, step, turn - 1) : [])];
    return prompt.request(model, messages, target?.maxOutputTokens ?? 0);
  }

  async #said(run: Run, step: Step, turns: number): Promise<readonly Message[]> {
    const { tenantId, id } = run.facts;
    const recorded = await this.#parts.store.conversation(tenantId, id, step.id);
    const answered = recorded.slice(0, turns).filter((turn) => turn.answered !== null);
    if (answered.length < turns) {
      const message = `The conversation of '${pathOf(step)}' goes on with a repair, which only its thread can ask for.`;
      throw new EngineError('INPUT_INVALID', message);
    }
    return answered.flatMap((turn) => {
      const parts = partsOf(turn);
      return [
        // As on the thread: a message without content is refused.
        ...(parts.length > 0 ? [{ role: 'assistant' as const, parts }] : []),
        { role: 'user' as const, parts: answersOf(turn)?.results ?? [] },
      ];
    });
  }

  #prompt(registered: RegisteredAgent): Prompt {
    const { agent, delegates } = registered;
    const prompt = this.#prompts.get(registered) ?? new Prompt(agent, delegates);
    this.#prompts.set(registered, prompt);
    return prompt;
  }
}

function inputOf(run: Run, step: Step, { agent, name }: RegisteredAgent): unknown {
  const input = agent.input.safeParse(run.inputOf(step));
  if (input.success) return input.data;
  throw new EngineError(
    'INPUT_INVALID',
    `'${pathOf(step)}' gives '${name}' what it does not take.`,
  );
}
