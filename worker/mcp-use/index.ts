/**
 * `MCPClient` and `MCPAgent` with the API of mcp-use 1 (https://www.npmjs.com/package/mcp-use/v/1.34.6), exported as `tutti/mcp-use`: for
 * programs that move to Tutti. What they do is outside the engine: no journal, no approvals, no budgets.
 */
export { MCPAgent } from './agent.ts';
export { MCPClient } from './client.ts';
export type { ClientConfig, ClientServer } from './config.ts';
export type { HistoryMessage } from './history.ts';
export type { AgentOptions, Llm } from './options.ts';
export type { RunOptions } from './run-options.ts';
export { MCPSession } from './session.ts';
export type { AgentStep, StreamEvent } from './steps.ts';
