/** On whose behalf a server is called. */
export interface McpCaller {
  readonly tenantId: number;
  readonly runId: string;
  /** Qualified name of the agent. */
  readonly agent: string;
  /** The model that decides, `playbook` without one. */
  readonly model: string;
  /** The span that the call belongs to (https://www.w3.org/TR/trace-context/). @default the active one, if any */
  readonly traceparent?: string;
  /** Ends the call. */
  readonly signal: AbortSignal;
}
