import { EngineError, isEngineError } from '../base/errors.ts';
import type { EffectState } from '../ports/db/states.ts';
import type { EffectRecord, Intent } from '../ports/dispatcher.ts';
import type { Terms } from '../sdk/policy/tier.ts';
import type { Effected } from '../sdk/tool.ts';
import { boundFields, changeOf, intentOf } from './intent.ts';
import { begun, type Doing, goOn } from './perform.ts';
import type { Applied, Call } from './scope.ts';

/*
 *   proposed, with a question ─ granted, and nothing of it has changed ─▶ started, the approval used up in the same flush
 *        │  └─ open ─▶ the step waits, or goes on without it            (a proposal is carried out by a run of its own)
 *        └─ refused · expired ─▶ refused
 *
 *   What has changed since it was asked is asked anew by the step that waits, and refused to the run that carries out.
 */

/** Times that a step looks again where others move the same effect at the same moment. */
const looks = 4;

/** Nothing more happens under the key. */
const isOver: readonly EffectState[] = ['applied', 'replayed', 'refused', 'rejected', 'undone'];

type Refusal = Extract<Effected<unknown>, { readonly kind: 'refused' }>;

/** Leaves a call for people to decide; a run of its own carries it out. What was decided or done under the key before is the answer. */
export async function propose(call: Call, args: unknown, terms: Terms): Promise<Effected<unknown>> {
  const intent = await questionOf(call, args, { terms, waits: false });
  for (let look = 0; look < looks; look += 1) {
    const known = await call.scope.recorder.begin(intent);
    if (known?.state === 'conflict') continue;
    if (known?.state === 'proposed' && isChanged(known, intent)) continue;
    const no = known && answeredNo(known);
    if (no) return no;
    if (known && isOver.includes(known.state)) return await goOn({ call, args, intent }, known);
    break;
  }
  return { kind: 'proposed', effect: intent.key };
}

/**
 * Carries a call out once people have agreed to exactly it; until then its step waits and holds nothing. What has begun under the key goes
 * on without asking again, by what was granted.
 * @throws APPROVAL_PENDING until they have decided · what perform throws
 */
export async function performGranted(
  call: Call,
  args: unknown,
  terms: Terms,
): Promise<Effected<unknown>> {
  const { recorder } = call.scope;
  const intent = await questionOf(call, args, { terms, waits: true });
  const doing = { call, args, intent };
  for (let look = 0; look < looks; look += 1) {
    const known = await recorder.begin(intent);
    if (known === null) break;
    if (known.state === 'conflict') continue;
    const no = answeredNo(known);
    if (no) return no;
    if (known.state !== 'proposed') return await goOnAs(doing, known);
    const { approval } = known;
    if (isChanged(known, intent) || approval?.state === 'withdrawn') continue;
    if (approval?.state !== 'granted' || !approval.isEnough) throw pending(doing, known);
    if (await recorder.claim(intent.key, approval.id)) return await begun(doing);
  }
  throw pending(doing, null);
}

/**
 * Carries out what people have granted, where it is still what they were shown, and what the rules of today let them grant. `terms`: who
 * must agree today; none where nobody needs to. Anything else is refused, and the proposal with it.
 * @throws what perform throws
 */
export async function applyGranted(
  call: Call,
  args: unknown,
  ruling: { readonly terms: Terms | null; readonly refusal?: Refusal },
): Promise<Effected<unknown>> {
  const { applies, recorder } = call.scope;
  const { key, approval } = applies as Applied;
  const { terms } = ruling;
  const bound = ruling.refusal ? { binds: null } : await boundNow(call, args);
  const intent: Intent = {
    ...intentOf(call, args, false),
    ...{ key, binds: bound.binds, state: 'started', applies: approval },
    ...(terms && { terms }),
  };
  const doing = { call, args, intent };
  for (let look = 0; look < looks; look += 1) {
    const known = await recorder.begin(intent);
    const stray = strayOf(known, intent);
    if (stray) return stray;
    const met = known as EffectRecord;
    if (met.state !== 'proposed') return await goOnAs(doing, met);
    const no = ruling.refusal ?? bound.refusal ?? voidOf(met, intent);
    if (no) {
      await recorder.end(key, 'refused', { rule: no.rule, reason: no.reason });
      return no;
    }
    if (await recorder.claim(key, approval)) return await begun(doing);
  }
  const message = `Approval ${approval} could not be used up; whoever uses it now goes on.`;
  throw new EngineError('TOOL_FAILED', message);
}

/** What a call is refused with that carries out another tool than was granted. */
export function otherTool({ tool, scope }: Call): Refusal | null {
  const { applies } = scope;
  if (applies === null || applies.tool === tool.name) return null;
  return refusal('approval.tool', `'${applies.tool}' was granted, and not '${tool.name}'.`);
}

async function questionOf(
  call: Call,
  args: unknown,
  { terms, waits }: { readonly terms: Terms; readonly waits: boolean },
): Promise<Intent> {
  const { amount } = call;
  return {
    ...intentOf(call, args, !waits),
    ...{ binds: await boundFields(call, args), state: 'proposed', terms },
    ...(waits && { waits }),
    ...(amount && { amount }),
  };
}

/** A record that is there no more is not what they were shown. */
async function boundNow(
  call: Call,
  args: unknown,
): Promise<{ readonly binds: Intent['binds']; readonly refusal?: Refusal }> {
  try {
    return { binds: await boundFields(call, args) };
  } catch (error) {
    if (!isEngineError(error) || error.code !== 'RECORD_UNKNOWN') throw error;
    return { binds: null, refusal: refusal('approval.binds', error.message) };
  }
}

/** Whether it is something else than what is stored: another step has proposed it at the same moment, and is to be replaced. */
function isChanged(known: EffectRecord, intent: Intent): boolean {
  return known.contract !== undefined && changeOf(known, intent) !== null;
}

/** Why people have not agreed, or null. */
function answeredNo({ approval, state }: EffectRecord): Refusal | null {
  if (state !== 'proposed' && state !== 'refused') return null;
  switch (approval?.state) {
    case 'refused':
      return refusal('approval.refused', `Approval ${approval.id} was refused.`);
    case 'expired':
      return refusal(
        'approval.expired',
        `Approval ${approval.id} expired: too few had agreed, or too late.`,
      );
    default:
      return null;
  }
}

/** Goes on with what has begun under a grant: by the arguments and the tool that were granted. */
async function goOnAs(doing: Doing, known: EffectRecord): Promise<Effected<unknown>> {
  const { intent } = doing;
  const change = isOver.includes(known.state)
    ? null
    : changeOf({ ...known, binds: intent.binds }, intent);
  if (change && known.contract !== undefined) return changed(change);
  return await goOn(doing, known);
}

/** Why an approval has nothing to do with what is asked for; nothing is changed by that. */
function strayOf(known: EffectRecord | null, intent: Intent): Refusal | null {
  const { applies: id = '', tool } = intent;
  if (known?.approval?.id !== id)
    return refusal(
      'approval.other',
      `Approval ${id} is not what '${tool}' needs now; see: tutti approvals`,
    );
  if (known.argsSha256 !== intent.argsSha256)
    return refusal('approval.args', `Approval ${id} was given for other arguments of '${tool}'.`);
  const { state } = known.approval;
  if (known.state !== 'proposed' || state === 'granted') return null;
  return (
    answeredNo(known) ?? refusal(`approval.${state}`, `Approval ${id} is ${state}, not granted.`)
  );
}

/** Why what was granted is not what would happen now. */
function voidOf(known: EffectRecord, intent: Intent): Refusal | null {
  const change = changeOf(known, intent);
  if (change) return changed(change);
  if (known.approval?.isEnough) return null;
  const { by, required } = intent.terms as Terms;
  const reason = `By the policies of today ${required} of ${by.join(', ')} must agree, which is more than did.`;
  return refusal('approval.tier', reason);
}

const changes = {
  args: 'with other arguments than these',
  contract: 'as the tool was then',
  binds: 'as the record was then',
} as const;

function changed(change: keyof typeof changes): Refusal {
  return refusal(
    `approval.${change}`,
    `It was granted ${changes[change]}; it has to be asked for anew.`,
  );
}

function refusal(rule: string, reason: string): Refusal {
  return { kind: 'refused', rule, reason };
}

function pending({ call, intent }: Doing, known: EffectRecord | null): EngineError {
  const { key, tool } = intent;
  const { id, expiresAt } = known?.approval ?? {};
  return new EngineError(
    'APPROVAL_PENDING',
    `'${tool}' for step '${call.scope.stepPath}' waits for people to agree; see: tutti approvals`,
    { details: { key, tool, ...(id && { approval: id, expiresAt }) } },
  );
}
