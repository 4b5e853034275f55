import { z } from 'zod';
import { EngineError } from '../base/errors.ts';
import { type AnyAgent, defineAgent } from './agent.ts';
import type { AnyTool, Effected } from './tool.ts';

/** The name of the agent that does nothing but call a tool: who acts in a workflow's `tool` nodes. */
export const toolAgentName = (tool: string): string => `tool:${tool}`;

/** The agent that does nothing but call a tool: it hands in what the tool answers, and fails when the call is refused. */
export function toolAgent(tool: AnyTool): AnyAgent {
  return defineAgent({
    name: toolAgentName(tool.name),
    purpose: tool.description,
    instructions: tool.description,
    input: takenBy(tool),
    output: z.unknown(),
    tools: { tool },
  }).playbook(async ({ input, tools }) => {
    const answer: unknown = await tools.tool(input);
    if (tool.effect === 'read') return answer;
    const became = answer as Effected<unknown>;
    if (became.kind !== 'refused') return became;
    throw new EngineError('TOOL_REFUSED', became.reason, { details: { rule: became.rule } });
  });
}

/** Lets pass what a tool takes, as it is: the tool itself parses it once. */
function takenBy(tool: AnyTool): z.ZodType {
  return z.unknown().superRefine((args, context) => {
    const parsed = (tool.parameters as z.ZodType).safeParse(args);
    for (const { path, message } of parsed.error?.issues ?? [])
      context.addIssue({ code: 'custom', path: [...path], message });
  });
}
