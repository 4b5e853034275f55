import { z } from 'zod';
import type { McpResult } from './outside.ts';
import { defineTool, type Tool, type ToolDeclaration } from './tool.ts';

/** What a tool of an MCP server answers, as it comes. */
const mcpText = z.object({ text: z.string(), data: z.unknown().optional() });
type McpText = typeof mcpText;

/** What a tool says of itself, but for how its call is made. */
type Own<D> = D extends unknown ? Omit<D, 'parameters' | 'result' | 'outside' | 'mcp'> : never;

/** Declaration of a tool that a tool of an MCP server stands behind. */
export type McpToolDeclaration<P extends z.ZodType, R extends z.ZodType = McpText> = Own<
  ToolDeclaration<P, R>
> & {
  readonly parameters: P;
  /** Its name on the server. */
  readonly tool: string;
  /** A name in `mcp.servers`. @default that of the workflow's node, else `mcp.defaultServer` */
  readonly server?: string;
  /** What the server gets. @default the arguments as they are */
  readonly arguments?: (args: z.output<P>) => Readonly<Record<string, unknown>>;
};

/** How the answer of a server becomes a result of one's own. */
interface Answering<R extends z.ZodType> {
  readonly result: R;
  readonly answer: (result: McpResult) => z.input<R>;
}

/**
 * Declares a tool that a tool of an MCP server stands behind. What it does to the world its author says: what the server says of its own
 * tools is never believed. Everything else is as with any tool; what it answers is text from outside. The server is no part of the
 * effect's key: a tool whose `scope` is wider than a step should name its server.
 * @param declaration with `result` and `answer` for a result of one's own, else `{ text, data }`
 */
export function mcpTool<P extends z.ZodType, const D extends McpToolDeclaration<P>>(
  declaration: D & { readonly parameters: P; readonly result?: never; readonly answer?: never },
): Tool<P, McpText, D['effect']>;
export function mcpTool<
  P extends z.ZodType,
  R extends z.ZodType,
  const D extends McpToolDeclaration<P, R>,
>(declaration: D & { readonly parameters: P } & Answering<R>): Tool<P, R, D['effect']>;
export function mcpTool(
  declaration: McpToolDeclaration<z.ZodType, z.ZodType> & Partial<Answering<z.ZodType>>,
): Tool {
  const { tool, server, arguments: given, answer, result = mcpText, ...own } = declaration;
  const to = { tool, ...(server !== undefined && { server }) };
  const tools = { ...own, result, mcp: to, outside: ['mcp'] } as unknown as ToolDeclaration;
  return defineTool(tools).handler(async (args, { mcp }) => {
    const sent = (given ? given(args) : args) as Readonly<Record<string, unknown>>;
    const found = await mcp.call({ ...to, args: sent });
    return answer ? answer(found) : found;
  }) as Tool;
}
