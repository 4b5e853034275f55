import { setTimeout as pause } from 'node:timers/promises';
import { crashPoint } from '../base/crash-point.ts';
import { EngineError, isEngineError, toErrorData } from '../base/errors.ts';
import { digest } from '../base/ids.ts';
import type { EffectState } from '../ports/db/states.ts';
import type { EffectRecord, Intent } from '../ports/dispatcher.ts';
import type { Effected } from '../sdk/tool.ts';
import { beginAnew } from './clearance.ts';
import {
  type Commands,
  checkResult,
  refuseUnlessOwned,
  runHandler,
  runLookUp,
  timeoutOf,
} from './handler.ts';
import { clashOf } from './lineage.ts';
import { keptOutcome, leftOutOf } from './outcome.ts';
import { isUnsent } from './outside.ts';
import type { Call } from './scope.ts';
import { isStop } from './stopped.ts';
import { noteWritten } from './written.ts';

/*
 *   (nothing) ──▶ started ──▶ applied | rejected | conflict        the handler ended, or proved that nothing happened
 *                    │
 *                    └──▶ uncertain                                it ended in a way that proves nothing
 *
 *   started, uncertain, met again:   looked for and found ──▶ applied
 *                                    looked for and absent, or safe to repeat ──▶ started, under the same key
 *                                    neither ──▶ needs_review ──▶ a person: applied | rejected | approved
 *   conflict, approved, met again ──▶ started
 *   proposed, granted ──▶ started                                  see approval.ts
 *   started, and another has begun the duty that must be apart ──▶ conflict
 */

/** A call with an effect, and the key that it is known by. */
export interface Doing {
  readonly call: Call;
  readonly args: unknown;
  readonly intent: Intent;
}

/**
 * Carries an effect out, at most once for its key as far as anybody can tell: what an earlier try may have done is looked for,
 * or repeated where that is harmless, or left to a person.
 * @throws EFFECT_IN_REVIEW until a person has settled it · ENGINE_FENCED with nothing done · what the handler throws
 */
export async function perform(
  call: Call,
  args: unknown,
  intent: Intent,
): Promise<Effected<unknown>> {
  const doing = { call, args, intent };
  const known = await call.scope.recorder.begin(intent);
  return known ? await goOn(doing, known) : await begun(doing);
}

/** Carries out what has been begun right now. @throws what perform throws */
export async function begun(doing: Doing): Promise<Effected<unknown>> {
  return await act(doing, { isRepeat: false });
}

/**
 * What follows from what the key has led to. `hasWaited`: no try that this one knew of can still be under way.
 * @throws what perform throws
 */
export async function goOn(
  doing: Doing,
  known: EffectRecord,
  hasWaited = false,
): Promise<Effected<unknown>> {
  switch (known.state) {
    case 'applied':
    case 'replayed':
      return replay(doing, known);
    case 'started':
    case 'uncertain':
      return await findOut(doing, known, hasWaited);
    // The ERP has proved that nothing happened, or a person wants it done. Who lost a race with an approval needs a new one.
    case 'conflict':
      if (doing.intent.terms || doing.intent.applies) return refusal(known);
      return await actAnew(doing, { isRepeat: false });
    case 'approved':
      return await actAnew(doing, { isRepeat: false });
    case 'needs_review':
      throw inReview(doing);
    case 'undone':
      return doing.intent.terms || doing.intent.applies ? refusal(known) : await doAnew(doing);
    default:
      return refusal(known);
  }
}

/** What was taken back may be done again, by a run after it: under a key of its own, for the first one has its outcome in the ERP. */
async function doAnew({ call, args, intent }: Doing): Promise<Effected<unknown>> {
  const key = digest(intent.key, 'anew').toString('hex');
  return await perform(call, args, { ...intent, key });
}

async function replay(doing: Doing, known: EffectRecord): Promise<Effected<unknown>> {
  const { call, intent } = doing;
  // What a handler or a look-up answered was checked then; what a person says was checked against the tool of that day.
  const result =
    known.verdict === 'happened'
      ? checkResult(call, known.outcome)
      : await wholeOutcome(doing, known.outcome);
  return { kind: 'replayed', result, differs: known.argsSha256 !== intent.argsSha256 };
}

/** What an effect has brought: what was too large to be kept is looked up. @throws TOOL_RESULT_INVALID where that cannot be */
async function wholeOutcome({ call, args, intent }: Doing, outcome: unknown): Promise<unknown> {
  const why = leftOutOf(outcome);
  if (why === null) return outcome;
  const found = call.tool.lookUp ? await runLookUp(call, args, intent.key) : null;
  if (found) return found.result;
  throw new EngineError(
    'TOOL_RESULT_INVALID',
    `'${intent.tool}' has happened and is not done again; what it brought ${why}, so it was not kept: read it where it was written.`,
  );
}

function refusal({ state, verdict }: EffectRecord): Effected<unknown> {
  if (state === 'rejected' && verdict === 'did-not-happen') {
    return {
      kind: 'refused',
      rule: 'effect.did_not_happen',
      reason: 'A person has said that this did not happen, and it is not to be done.',
    };
  }
  return {
    kind: 'refused',
    rule: `effect.${state}`,
    reason: `It was asked for before and is '${state}'; the same again changes nothing.`,
  };
}

/** An earlier try began and nobody knows how it ended. */
async function findOut(
  doing: Doing,
  known: EffectRecord,
  hasWaited: boolean,
): Promise<Effected<unknown>> {
  const { call, args, intent } = doing;
  const { tool, scope } = call;
  const erp = tool.effect === 'send' ? null : await scope.connector.describe();
  const isSafe = tool.repeatable === true || erp?.repeats === 'safe';
  const leftMs = isSafe ? 0 : stillRunningMs(doing, known, { erp, hasWaited });
  if (leftMs > 0) {
    await pause(Math.ceil(leftMs), undefined, { signal: scope.signal });
    return await goOn(doing, (await scope.recorder.begin(intent)) ?? known, true);
  }
  const found = tool.lookUp ? await runLookUp(call, args, intent.key) : null;
  if (found) {
    await scope.recorder.end(intent.key, 'applied', keptOutcome(found.result));
    return replay(doing, { ...known, outcome: found.result });
  }
  if (isSafe && known.state === 'started') return await act(doing, { isRepeat: true });
  if (isSafe || tool.lookUp) return await actAnew(doing, { isRepeat: isSafe });
  await scope.recorder.end(intent.key, 'needs_review', known.outcome);
  throw inReview(doing);
}

/**
 * How much longer an earlier try may be under way, milliseconds: what is absent proves nothing while a call may still land. A
 * handler has its time; what it asked of the ERP may go on after it was given up for as long as the connector says.
 */
function stillRunningMs(
  { call }: Doing,
  { state, ageMs }: EffectRecord,
  {
    erp,
    hasWaited,
  }: { readonly erp: { readonly maxCallMs: number } | null } & {
    readonly hasWaited: boolean;
  },
): number {
  const handlerMs = state === 'started' || !erp ? timeoutOf(call) : 0;
  const longestMs = handlerMs + (erp?.maxCallMs ?? 0);
  return longestMs - (ageMs ?? (hasWaited ? longestMs : 0));
}

/** Begins an effect anew: from here on nobody knows again, until it has ended. */
async function actAnew(
  doing: Doing,
  how: { readonly isRepeat: boolean },
): Promise<Effected<unknown>> {
  await beginAnew(doing.call.scope, doing.intent.key, how);
  return await act(doing, how);
}

/** Runs the handler and records how it ended. `isRepeat`: an earlier try may have done it already. */
async function act(
  { call, args, intent }: Doing,
  { isRepeat }: { readonly isRepeat: boolean },
): Promise<Effected<unknown>> {
  const { recorder } = call.scope;
  const clash = isRepeat ? null : await yieldToOthers(call, intent);
  if (clash) return clash;
  const commands: Commands = { isRepeat, hasWritten: false, wasRefused: false, writes: [] };
  refuseUnlessOwned(call.scope);
  try {
    const result = await runHandler(call, args, { key: intent.key, commands });
    crashPoint('after-tool');
    noteWritten(call, intent.key, commands);
    await recorder.end(intent.key, 'applied', keptOutcome(result));
    return { kind: 'applied', result, differs: false };
  } catch (error) {
    // Nobody hears an engine that has lost its runs; whoever owns this one finds the effect as it is.
    if (isEngineError(error) && error.code === 'ENGINE_FENCED') throw error;
    const isProof =
      !isRepeat || (!isStop(error) && (commands.wasRefused || call.tool.repeatable === true));
    const state = isProof && !commands.hasWritten ? stateAfter(error) : 'uncertain';
    await recorder.end(intent.key, state, toErrorData(error, 'TOOL_FAILED'));
    throw error;
  }
}

/**
 * Of two that do incompatible duties to one document at the same moment, each has made its intent durable before it looks: whoever
 * looks last sees the other. Both may see each other and stand back; both going on cannot be. Nothing has happened then, and what
 * stood back may be tried again. One that is repeated was there before, for everybody to see.
 */
async function yieldToOthers(call: Call, { key }: Intent): Promise<Effected<unknown> | null> {
  const { recorder } = call.scope;
  try {
    const clash = await clashOf(call);
    if (!clash) return null;
    const refusal = new EngineError(clash.code, clash.reason);
    await recorder.end(key, 'conflict', toErrorData(refusal));
    return { kind: 'refused', rule: clash.rule, reason: clash.reason };
  } catch (error) {
    await recorder.end(key, 'conflict', toErrorData(error, 'TOOL_FAILED'));
    throw error;
  }
}

/**
 * Only a refusal proves that nothing happened; any other failure may have left the write behind. Neither does one prove it after
 * another command was carried out, nor one of a repeated handler that did not ask the ERP: it may have seen its own traces.
 */
function stateAfter(error: unknown): EffectState {
  if (!isEngineError(error)) return 'uncertain';
  if (error.code === 'ERP_REJECTED' || error.code === 'RECORD_UNKNOWN') return 'rejected';
  return isUnsent(error) || ['ERP_CONFLICT', 'STOPPED'].includes(error.code)
    ? 'conflict'
    : 'uncertain';
}

function inReview({ call, intent }: Doing): EngineError {
  const { key, tool } = intent;
  return new EngineError(
    'EFFECT_IN_REVIEW',
    `Nobody knows whether '${tool}' has happened for step '${call.scope.stepPath}': an earlier try came to no end, and the tool cannot look. Find out, then: tutti settle ${key.slice(0, 12)} happened|did-not-happen|retry`,
    { details: { key, tool } },
  );
}
