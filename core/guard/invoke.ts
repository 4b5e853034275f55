import {
  EngineError,
  type ErrorCode,
  type ErrorData,
  isEngineError,
  toErrorData,
} from '../base/errors.ts';
import type { Decided } from '../sdk/policy/policy-ref.ts';
import { riskOf, type Terms } from '../sdk/policy/tier.ts';
import { moduleOf } from '../sdk/qualified-name.ts';
import type { AnyTool, Effected } from '../sdk/tool.ts';
import { amountOf } from './amount.ts';
import { applyGranted, otherTool, performGranted, propose } from './approval.ts';
import { parseArgs } from './arguments.ts';
import { type Decision, decide, decidedIn } from './decide.ts';
import { isGrantedTo } from './granted.ts';
import { groundedOf } from './grounded.ts';
import { runHandler } from './handler.ts';
import { inTurn } from './in-turn.ts';
import { boundFields, intentOf } from './intent.ts';
import { raise } from './labels.ts';
import { lineageOf } from './lineage.ts';
import { perform } from './perform.ts';
import { postingOf } from './posting.ts';
import type { Call, StepScope } from './scope.ts';
import { shadowBody } from './shadow.ts';
import { policiesOf, standingOf } from './standing.ts';
import { stopRuleOf } from './stopped.ts';

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
 * @throws the signal's reason in a cancelled step · APPROVAL_PENDING while people must agree · EFFECT_IN_REVIEW while a person must settle an
 *   effect · ENGINE_FENCED
 */
export async function invoke(tool: AnyTool, args: unknown, scope: StepScope): Promise<Invoked> {
  scope.signal.throwIfAborted();
  const { policies } = scope;
  const call: Call = { tool, scope, policies, records: 0, startedMs: performance.now() };
  let decision: Decision | null = null;
  const decideAndDo = async (parsed: unknown): Promise<Invoked> => {
    const facts = await factsOf(call, parsed);
    if (facts.amount) call.amount = facts.amount.money;
    decision = decide(facts);
    call.decided = decidedIn(decision);
    return await carryOut(decision, parsed, call);
  };
  try {
    const parsed = parseArgs(tool, args);
    const outcome =
      tool.effect === 'read'
        ? await decideAndDo(parsed)
        : await inTurn(call, parsed, () => decideAndDo(parsed));
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
function note(
  { tool, scope, startedMs, known }: Call,
  decision: Decision | null,
  outcome: Invoked,
): void {
  const became = decision?.kind === 'observe' ? 'observed' : null;
  scope.recorder.entry('tool.called', {
    tool: tool.name,
    effect: tool.effect,
    ...decidedBy(decision, outcome),
    records: outcome.records,
    trust: scope.label.trust,
    outcome: outcome.kind === 'effected' ? (became ?? outcome.value.kind) : outcome.kind,
    ...(startedMs !== undefined && { ms: Math.round(performance.now() - startedMs) }),
    ...(outcome.kind === 'error' && { code: outcome.error.code }),
    ...(known && { knownReads: known.reads, knownMs: Math.round(known.oldestMs) }),
    ...(decision && 'terms' in decision && unratedIn(decision.terms)),
  });
  if (outcome.records > 0) raise(scope, 'erp', { tool: tool.name });
}

/** The currencies for lack of whose rate an amount was taken to be large. */
function unratedIn({ unrated }: Terms): Pick<Terms, 'unrated'> {
  return unrated ? { unrated } : {};
}

/**
 * What settled it, and by which policy: a refusal after the decision (an effect that was refused before, a race) has a rule of its own, and
 * no policy has said it.
 */
function decidedBy(decision: Decision | null, outcome: Invoked): Decided {
  const rule = ruleOf(outcome) ?? decision?.rule ?? 'schema';
  return rule === decision?.rule ? decidedIn(decision) : { rule };
}

/** The rule of an outcome that has one. */
function ruleOf(outcome: Invoked): string | null {
  if (outcome.kind === 'error') return stopRuleOf(outcome.error);
  return outcome.kind === 'effected' && outcome.value.kind === 'refused'
    ? outcome.value.rule
    : null;
}

const endings: readonly ErrorCode[] = [
  'APPROVAL_PENDING',
  'EFFECT_IN_REVIEW',
  'ENGINE_FENCED',
  'STOPPED',
];

/** Failures that are no answer to a call: they end the attempt, whatever a model or a playbook would make of them. */
function endsAttempt(error: unknown): boolean {
  return isEngineError(error) && endings.includes(error.code);
}

async function carryOut(decision: Decision, args: unknown, call: Call): Promise<Invoked> {
  if (call.scope.applies) return effected(await carryOutGranted(decision, args, call), call);
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
  if (decision.kind !== 'allow') {
    const ask = decision.kind === 'approve' ? performGranted : propose;
    return effected(await ask(call, args, decision.terms), call);
  }
  const intent = { ...intentOf(call, args, false), binds: null, state: 'started' as const };
  return effected(await perform(call, args, intent), call);
}

/** What people have granted is carried out by the rules of today, or refused. */
async function carryOutGranted(
  decision: Decision,
  args: unknown,
  call: Call,
): Promise<Effected<unknown>> {
  const stray = otherTool(call);
  if (stray) return stray;
  if (decision.kind === 'observe') return await observe(decision, args, call);
  const terms = 'terms' in decision ? decision.terms : null;
  if (decision.kind !== 'refuse') return await applyGranted(call, args, { terms });
  const { rule, reason } = decision;
  return await applyGranted(call, args, { terms, refusal: { kind: 'refused', rule, reason } });
}

function effected(value: Effected<unknown>, call: Call): Invoked {
  return { kind: 'effected', value, records: call.records };
}

/** Notes what would have become of an effect. It answers as a proposal, also to a record that there is not. */
async function observe(
  { rule, would }: Extract<Decision, { kind: 'observe' }>,
  args: unknown,
  call: Call,
): Promise<Effected<unknown>> {
  await boundFields(call, args);
  const { key, tool, entity, targetId } = intentOf(call, args, would !== 'write');
  const { policy } = call.decided ?? {};
  const data = { tool, key, entity, targetId, would, ...(policy && { policy }) };
  if (rule === 'rehearsal') call.scope.recorder.entry('effect.observed', data);
  else
    call.scope.recorder.entry('effect.observed', { ...data, rule }, await shadowBody(call, args));
  return { kind: 'proposed', effect: key };
}

/** What bears on the decision. A read is decided by what the step knows; only an effect may ask the ERP. */
async function factsOf(call: Call, args: unknown): Promise<Parameters<typeof decide>[0]> {
  const { tool, scope } = call;
  // What was granted is decided by the rights of the agent that proposed it.
  const { agent, agentName, module, delegators = [] } = scope.applies ?? scope;
  call.policies = await policiesOf(call, { agentName, module });
  return {
    agent: agentName,
    agentModule: module,
    delegators,
    tool: tool.name,
    toolModule: moduleOf(tool.name),
    effect: tool.effect,
    listed: Object.values(agent.tools).includes(tool),
    access: tool.access ?? 'module',
    granted: await isGrantedTo(call, { agentName, module }),
    company: scope.company,
    attended: scope.attended || scope.applies !== null,
    rehearsal: scope.rehearsal,
    policies: call.policies,
    posting: tool.effect === 'read' ? null : await postingOf(call, args),
    lineage: await lineageOf(call, args),
    amount: await amountOf(call, args),
    risk: riskOf(tool),
    trust: scope.label.trust,
    grounded: await groundedOf(call, args),
    ...(await standingOf(call, [agentName, ...delegators])),
  };
}
