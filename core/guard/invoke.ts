import type { z } from 'zod';
import { crashPoint } from '../base/crash-point.ts';
import { EngineError, type ErrorData, isEngineError, toErrorData } from '../base/errors.ts';
import { digest } from '../base/ids.ts';
import type { EffectState } from '../ports/db/states.ts';
import type { EffectRecord, Intent } from '../ports/dispatcher.ts';
import type { Connector } from '../ports/erp/connector.ts';
import { erpFor } from '../ports/erp/records.ts';
import type { AnyAgent } from '../sdk/agent.ts';
import type { AnyEntity } from '../sdk/entity.ts';
import type { Policy } from '../sdk/policy.ts';
import type { AnyTool, Effected } from '../sdk/tool.ts';
import { type Decision, decide } from './decide.ts';
import { contractDigest, effectKey, type KeyScope, targetOf } from './effects.ts';

/** Where a step's record goes: in a thread to the engine's journal, in a test to memory. */
export interface Recorder {
  /** One line of the run's journal. */
  entry(kind: string, data: Readonly<Record<string, unknown>>): void;
  /** Makes an intent durable before anything happens; answers with what the key already led to, or null. */
  begin(intent: Intent): Promise<EffectRecord | null>;
  /** What became of a started effect. */
  end(key: string, state: EffectState, outcome: unknown): Promise<void>;
}

/** The step on whose behalf tools are called. */
export interface StepScope extends KeyScope {
  readonly agent: AnyAgent;
  /** Qualified: `finance.three_way_match`. */
  readonly agentName: string;
  readonly module: string;
  readonly company: string | null;
  readonly attended: boolean;
  readonly policies: readonly Policy[];
  readonly entities: ReadonlyMap<string, AnyEntity>;
  readonly connector: Connector;
  readonly recorder: Recorder;
  /** Whether this engine surely still holds its lease: asked last, before anything is written outside. */
  readonly isOwned: () => boolean;
  readonly signal: AbortSignal;
}

/** What a call brought. `records` counts the rows that its handler read. */
export type Invoked =
  | { readonly kind: 'result'; readonly value: unknown; readonly records: number }
  | { readonly kind: 'effected'; readonly value: Effected<unknown>; readonly records: number }
  | { readonly kind: 'error'; readonly error: ErrorData; readonly records: number };

/**
 * The one path of a tool call, for models and playbooks alike: schema → decide → effect key → handler → one Entry per
 * outcome. Never throws for what a caller can answer; a cancelled step rejects with the signal's reason.
 */
export async function invoke(tool: AnyTool, args: unknown, scope: StepScope): Promise<Invoked> {
  scope.signal.throwIfAborted();
  const call = { tool, scope, records: 0 };
  let outcome: Invoked;
  let rule = 'schema';
  try {
    const parsed = parseArgs(tool, args);
    const decision = decide(factsOf(tool, scope));
    rule = decision.rule;
    outcome = await carryOut(decision, parsed, call);
  } catch (error) {
    scope.signal.throwIfAborted();
    outcome = { kind: 'error', error: toErrorData(error, 'TOOL_FAILED'), records: call.records };
  }
  scope.recorder.entry('tool.called', {
    tool: tool.name,
    effect: tool.effect,
    rule,
    records: outcome.records,
    outcome: outcome.kind === 'effected' ? outcome.value.kind : outcome.kind,
    ...(outcome.kind === 'error' && { code: outcome.error.code }),
  });
  return outcome;
}

interface Call {
  readonly tool: AnyTool;
  readonly scope: StepScope;
  records: number;
}

async function carryOut(decision: Decision, args: unknown, call: Call): Promise<Invoked> {
  if (decision.kind === 'refuse') {
    if (call.tool.effect === 'read') throw new EngineError(decision.code, decision.reason);
    return effected({ kind: 'refused', rule: decision.rule, reason: decision.reason }, call);
  }
  if (call.tool.effect === 'read') {
    return { kind: 'result', value: await handle(call, args, ''), records: call.records };
  }
  // Until a person can be asked within a step, what needs an approval is stored as a proposal.
  if (decision.kind !== 'allow') return effected(await propose(call, args), call);
  return effected(await perform(call, args), call);
}

function effected(value: Effected<unknown>, call: Call): Invoked {
  return { kind: 'effected', value, records: call.records };
}

async function propose(call: Call, args: unknown): Promise<Effected<unknown>> {
  const intent = {
    ...intentOf(call, args, true),
    binds: await boundFields(call, args),
    state: 'proposed' as const,
  };
  await call.scope.recorder.begin(intent);
  return { kind: 'proposed', effect: intent.key };
}

async function perform(call: Call, args: unknown): Promise<Effected<unknown>> {
  const intent = { ...intentOf(call, args, false), binds: null, state: 'started' as const };
  const known = await call.scope.recorder.begin(intent);
  if (known && (known.state === 'applied' || known.state === 'replayed')) {
    return {
      kind: 'replayed',
      result: known.outcome,
      differs: known.argsSha256 !== intent.argsSha256,
    };
  }
  if (known && known.state !== 'started') {
    return {
      kind: 'refused',
      rule: `effect.${known.state}`,
      reason: `This effect is '${known.state}'; a person settles it.`,
    };
  }
  try {
    const result = await handle(call, args, intent.key);
    crashPoint('after-tool');
    await call.scope.recorder.end(intent.key, 'applied', result);
    return { kind: 'applied', result, differs: false };
  } catch (error) {
    await call.scope.recorder.end(intent.key, stateAfter(error), toErrorData(error, 'TOOL_FAILED'));
    throw error;
  }
}

/** Only a refusal proves that nothing happened; any other failure may have left the write behind. */
function stateAfter(error: unknown): EffectState {
  if (!isEngineError(error)) return 'uncertain';
  if (error.code === 'ERP_REJECTED' || error.code === 'RECORD_UNKNOWN') return 'rejected';
  return error.code === 'ERP_CONFLICT' ? 'conflict' : 'uncertain';
}

async function handle(call: Call, args: unknown, key: string): Promise<unknown> {
  const { tool, scope } = call;
  const timeoutMs = tool.timeoutMs ?? 30_000;
  const signal = AbortSignal.any([scope.signal, AbortSignal.timeout(timeoutMs)]);
  const late = new EngineError(
    'TOOL_FAILED',
    `Tool '${tool.name}' did not end within ${timeoutMs} ms.`,
  );
  const erp = erpFor(scope.connector, {
    entities: scope.entities,
    key: () => key,
    signal,
    onRead: (rows) => {
      call.records += rows;
    },
  });
  const result = await Promise.race([
    aborted(signal, () => (scope.signal.aborted ? scope.signal.reason : late)),
    tool.handle(args, { erp, today: scope.businessDate, key, signal }),
  ]);
  const checked = (tool.result as z.ZodType).safeParse(result);
  if (checked.success) return checked.data;
  throw new EngineError(
    'TOOL_RESULT_INVALID',
    `Tool '${tool.name}' returned what its schema does not allow: ${issues(checked.error)}.`,
  );
}

/** Rejects when the signal aborts: a handler that does not heed it must not keep its step. */
function aborted(signal: AbortSignal, reason: () => unknown): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(reason()), { once: true });
  });
}

function intentOf(call: Call, args: unknown, proposed: boolean): Omit<Intent, 'binds' | 'state'> {
  const target = targetOf(call.tool, args);
  return {
    key: effectKey(call.tool, args, { at: call.scope, proposed }),
    tool: call.tool.name,
    contract: contractDigest(call.tool),
    duty: call.tool.duty ?? null,
    entity: target?.entity ?? null,
    targetId: target?.id ?? null,
    args,
    argsSha256: digest(args).toString('hex'),
  };
}

async function boundFields(
  call: Call,
  args: unknown,
): Promise<Readonly<Record<string, unknown>> | null> {
  const target = targetOf(call.tool, args);
  const fields: readonly string[] = call.tool.binds?.(args) ?? [];
  if (!target || fields.length === 0) return null;
  const page = await call.scope.connector.query({
    entity: target.entity,
    filter: { id: { eq: target.id } },
    limit: 1,
  });
  const row = page.rows[0];
  if (!row) throw new EngineError('RECORD_UNKNOWN', `There is no ${target.entity} '${target.id}'.`);
  return { version: row.version, ...Object.fromEntries(fields.map((name) => [name, row[name]])) };
}

function factsOf(tool: AnyTool, scope: StepScope): Parameters<typeof decide>[0] {
  return {
    agent: scope.agentName,
    agentModule: scope.module,
    tool: tool.name,
    toolModule: tool.name.slice(0, tool.name.indexOf('.')),
    effect: tool.effect,
    listed: Object.values(scope.agent.tools).includes(tool),
    access: tool.access ?? 'module',
    company: scope.company,
    attended: scope.attended,
    policies: scope.policies,
  };
}

function parseArgs(tool: AnyTool, args: unknown): unknown {
  const parsed = (tool.parameters as z.ZodType).safeParse(args);
  if (parsed.success) return parsed.data;
  throw new EngineError(
    'TOOL_INPUT_INVALID',
    `Tool '${tool.name}' does not take these arguments: ${issues(parsed.error)}.`,
  );
}

/** A zod error in one line: path and message of each issue. */
export function issues(error: z.ZodError): string {
  return error.issues
    .map((issue) => `${issue.path.join('.') || 'value'}: ${issue.message}`)
    .join('; ');
}
