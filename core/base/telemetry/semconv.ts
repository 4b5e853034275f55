/**
 * The names of OpenTelemetry's conventions that Tutti uses, in one place because those for GenAI are still in development.
 * Content (prompts, arguments, results) is never put into spans: HR and finance data stay in the journal.
 * @see https://opentelemetry.io/docs/specs/semconv/gen-ai/ (2026-11)
 */
export const semconv = {
  operation: 'gen_ai.operation.name',
  provider: 'gen_ai.provider.name',
  workflow: 'gen_ai.workflow.name',
  agent: 'gen_ai.agent.name',
  requestModel: 'gen_ai.request.model',
  responseModel: 'gen_ai.response.model',
  finishReasons: 'gen_ai.response.finish_reasons',
  timeToFirstChunk: 'gen_ai.response.time_to_first_chunk',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  cachedTokens: 'gen_ai.usage.cache_read.input_tokens',
  reasoningTokens: 'gen_ai.usage.reasoning.output_tokens',
  errorType: 'error.type',
  tool: 'gen_ai.tool.name',
  toolType: 'gen_ai.tool.type',
  mcpMethod: 'mcp.method.name',
  mcpProtocol: 'mcp.protocol.version',
} as const;

/** Our own attributes, for what the conventions do not name. */
export const own = {
  runId: 'erp.run.id',
  module: 'erp.module',
  company: 'erp.company',
  stepPath: 'erp.step.path',
  attempt: 'erp.step.attempt',
  mode: 'erp.step.mode',
  outcome: 'erp.step.outcome',
  rehearsal: 'erp.run.rehearsal',
  simulated: 'erp.call.simulated',
  status: 'erp.run.status',
  costMicroUsd: 'erp.cost.micro_usd',
  turn: 'erp.step.turn',
  toolOutcome: 'erp.tool.outcome',
  mcpServer: 'erp.mcp.server',
  /** Of a link: why the other span is named. `child`: its step started this run; `apply`: this run carries out what that one proposed. */
  link: 'erp.link',
} as const;
