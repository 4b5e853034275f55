/**
 * The names of OpenTelemetry's GenAI conventions that Tutti uses, in one place because they are still in development.
 * Content (prompts, arguments, results) is never put into spans: HR and finance data stay in the journal.
 * @see https://opentelemetry.io/docs/specs/semconv/gen-ai/ (2026-11)
 */
export const semconv = {
  operation: 'gen_ai.operation.name',
  workflow: 'gen_ai.workflow.name',
  agent: 'gen_ai.agent.name',
  requestModel: 'gen_ai.request.model',
  finishReasons: 'gen_ai.response.finish_reasons',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  errorType: 'error.type',
  tool: 'gen_ai.tool.name',
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
  rehearsal: 'erp.run.rehearsal',
  simulated: 'erp.call.simulated',
  status: 'erp.run.status',
  costMicroUsd: 'erp.cost.micro_usd',
  mcpServer: 'erp.mcp.server',
} as const;
