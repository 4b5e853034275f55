import type { AnyAgent, FindingInput, PlaybookContext } from '../../core/sdk/agent.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { toOutputJson } from './answer.ts';
import { runPlaybook } from './playbook.ts';
import { Rounds } from './rounds.ts';
import { type RehearsalContext, SimulatedConversation } from './simulated-conversation.ts';

type Tools = Readonly<Record<string, AnyTool>>;

/**
 * Runs a step's playbook inside the conversation that a model would have held: each round of its tool calls is preceded by a
 * simulated turn that asks for them, and a last one hands in the output, each permitted and paid as a real one. Findings are
 * reported along with the turn that follows them. A denied turn is the last: the playbook goes on without, or fails where its
 * agent says so. The agent's limit of turns is not enforced: a playbook may take more rounds than a model would be given.
 * @throws MODEL_REQUIRED · OUTPUT_INVALID · what a denied turn says · what the tools throw
 */
export async function runRehearsal(
  context: RehearsalContext,
  onFinding: (finding: FindingInput) => void,
): Promise<{ readonly output: string; readonly degraded: boolean }> {
  const { scope, talk, pace } = context;
  const conversation = new SimulatedConversation(context);
  const rounds = new Rounds(conversation, pace);
  const agent = inRounds(scope.agent, rounds);
  try {
    const handedIn = await runPlaybook(talk.job.input, { ...scope, agent }, (finding) => {
      onFinding(finding);
      conversation.report(finding);
    });
    const output = toOutputJson(handedIn);
    await conversation.handIn(output);
    return { output, degraded: conversation.isDenied };
  } catch (error) {
    conversation.giveUp(error);
    throw error;
  }
}

/** The same agent, whose playbook makes its tool calls in rounds. */
function inRounds(agent: AnyAgent, rounds: Rounds): AnyAgent {
  const { procedure } = agent;
  if (!procedure) return agent;
  return {
    ...agent,
    procedure: async (context: PlaybookContext<unknown, Tools>) => {
      const make = context.tools as Readonly<Record<string, (args: unknown) => Promise<unknown>>>;
      const tools = Object.fromEntries(
        Object.entries(agent.tools as Tools).map(([name, tool]) => [
          name,
          (args: unknown) => rounds.call({ tool, args }, async () => await make[name]?.(args)),
        ]),
      );
      try {
        return await procedure({ ...context, tools } as never);
      } finally {
        await rounds.rest();
      }
    },
  };
}
