import type { z } from 'zod';
import { EngineError, type ErrorData, isEngineError, toErrorData } from '../base/errors.ts';
import { digest } from '../base/ids.ts';
import type { Intent } from '../ports/dispatcher.ts';
import type { AnyTool, Effected } from '../sdk/tool.ts';
import { type Decision, decide } from './decide.ts';
import { contractDigest, effectKey, targetOf } from './effects.ts';
import { issues, runHandler } from './handler.ts';
import { lineageOf } from './lineage.ts';
import { perform } from './perform.ts';
import { postingOf } from './posting.ts';
import type { Call, StepScope } from './scope.ts';

export { issues } from './handler.ts';
export type { Recorder, StepScope } from './scope.ts';

/** What a call brought. `records` counts the rows that its handler read. */
export type Invoked =
  | { readonly kind: 'result'; readonly value: unknown; readonly records: number }
  | { readonly kind: 'effected'; readonly value: Effected<unknown>; readonly records: number }
  | { readonly kind: 'error'; readonly error: ErrorData; readonly records: number };

/**
 * The one path of a tool call, for models and playbooks alike: schema → decide → effect key → handler → one Entry per
 * outcome. What a caller can answer is a result, also when it is an error. Rejects for what ends the attempt.
 * @throws the signal's reason in a cancelled step · EFFECT_IN_REVIEW while a person must settle an effect · ENGINE_FENCED
 */
export async function invoke(tool: AnyTool, args: unknown, scope: StepScope): Promise<Invoked> {
  scope.signal.throwIfAborted();
  const call: Call = { tool, scope, records: 0 };
  let decision: Decision | null = null;
  try {
    const parsed = parseArgs(tool, args);
    decision = decide(await factsOf(call, parsed));
    const outcome = await carryOut(decision, parsed, call);
    note(call, decision, outcome);
    return outcome;
  } catch (thrown) {
    scope.signal.throwIfAborted();
    const error = toErrorData(thrown, 'TOOL_FAILED');
    const outcome: Invoked = { kind: 'error', error, records: call.records };
    note(call, decision, outcome);
    if (endsAttempt(thrown)) throw thrown;
    return outcome;
  }
}

/** The line of the journal that says what was called and what came of it. */
function note({ tool, scope }: Call, decision: Decision | null, outcome: Invoked): void {
  const became = decision?.kind === 'observe' ? 'observed' : null;
  scope.recorder.entry('tool.called', {
    tool: tool.name,
    effect: tool.effect,
    rule: ruleOf(decision, outcome),
    records: outcome.records,
    outcome: outcome.kind === 'effected' ? (became ?? outcome.value.kind) : outcome.kind,
    ...(outcome.kind === 'error' && { code: outcome.error.code }),
  });
}

/** What settled it: a refusal after the decision (an effect that was refused before, a race) has a rule of its own. */
function ruleOf(decision: Decision | null, outcome: Invoked): string {
  if (outcome.kind === 'effected' && outcome.value.kind === 'refused') return outcome.value.rule;
  return decision?.rule ?? 'schema';
}

/** Failures that are no answer to a call: they end the attempt, whatever a model or a playbook would make of them. */
function endsAttempt(error: unknown): boolean {
  return isEngineError(error) && ['EFFECT_IN_REVIEW', 'ENGINE_FENCED'].includes(error.code);
}

async function carryOut(decision: Decision, args: unknown, call: Call): Promise<Invoked> {
  if (decision.kind === 'refuse') {
    if (call.tool.effect === 'read') throw new EngineError(decision.code, decision.reason);
    return effected({ kind: 'refused', rule: decision.rule, reason: decision.reason }, call);
  }
  if (call.tool.effect === 'read') {
    return {
      kind: 'result',
      value: await runHandler(call, args, { key: '' }),
      records: call.records,
    };
  }
  if (decision.kind === 'observe') return effected(await observe(decision, args, call), call);
  // Until a person can be asked within a step, what needs an approval is stored as a proposal.
  if (decision.kind !== 'allow') return effected(await propose(call, args), call);
  const intent = { ...intentOf(call, args, false), binds: null, state: 'started' as const };
  return effected(await perform(call, args, intent), call);
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

/** Notes what would have become of an effect. It answers as a proposal, also to a record that there is not. */
async function observe(
  { would }: Extract<Decision, { kind: 'observe' }>,
  args: unknown,
  call: Call,
): Promise<Effected<unknown>> {
  await boundFields(call, args);
  const { key, tool, entity, targetId } = intentOf(call, args, would !== 'write');
  call.scope.recorder.entry('effect.observed', { tool, key, entity, targetId, would });
  return { kind: 'proposed', effect: key };
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
    related: call.lineage?.related ?? [],
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

/** What bears on the decision. A read is decided by what the step knows; only an effect may ask the ERP. */
async function factsOf(call: Call, args: unknown): Promise<Parameters<typeof decide>[0]> {
  const { tool, scope } = call;
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
    rehearsal: scope.rehearsal,
    policies: scope.policies,
    posting: tool.effect === 'read' ? null : await postingOf(call, args),
    lineage: await lineageOf(call, args),
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
