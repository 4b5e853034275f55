import { EngineError, isEngineError, toErrorData } from '../core/base/errors.ts';
import { toStorableJson } from '../core/base/text.ts';
import { issues, type StepScope } from '../core/guard/invoke.ts';
import type { JobDone } from '../core/ports/dispatcher.ts';
import type { Message, ModelReply } from '../core/ports/models/model.ts';
import { checkFinding } from './finding.ts';
import { runPlaybook } from './playbook.ts';
import { type AgentContext, answerCalls, callModel, recall, type Said } from './turn.ts';

/** Runs one attempt of a step to its end. Never throws: the result says what happened. */
export async function runAgent(context: AgentContext): Promise<JobDone> {
  const { scope, talk } = context;
  const said: Said = { external: false, findings: [] };
  try {
    const { output, degraded } = await work(context, said);
    const done = succeeded(output, degraded, said);
    for (const finding of said.findings) talk.finding(finding);
    return done;
  } catch (error) {
    const cause = scope.signal.aborted ? scope.signal.reason : error;
    return {
      kind: 'failed',
      error: toErrorData(cause, 'AGENT_FAILED'),
      degraded: false,
      trust: trustOf(said),
    };
  }
}

async function work(
  context: AgentContext,
  said: Said,
): Promise<{ readonly output: unknown; readonly degraded: boolean }> {
  const { scope, talk } = context;
  if (talk.job.mode === 'playbook') {
    return { output: await consultPlaybook(context, said, 'no model'), degraded: false };
  }
  const answer = await converse(context, said);
  if (answer.kind === 'answered') return { output: answer.output, degraded: false };
  if (scope.agent.onBudget === 'fail' || !scope.agent.procedure) throw answer.error;
  // Nothing that the model said goes into the playbook; its writes meet their own keys.
  Object.assign(said, { external: false, findings: [] });
  return { output: await consultPlaybook(context, said, answer.error.code), degraded: true };
}

type Answer =
  | { readonly kind: 'answered'; readonly output: unknown }
  | { readonly kind: 'denied'; readonly error: EngineError };

/**
 * The agent loop: ask the model, answer its tool calls, until it hands in what its schema asks for. An answer that does not
 * fit gets one turn to be repaired, beyond the agent's own number of turns. Turns that an earlier attempt has recorded are gone
 * through in the same way, without asking the model again or calling a tool that had answered.
 */
async function converse(context: AgentContext, said: Said): Promise<Answer> {
  const { scope, talk, prompt, target } = context;
  const messages: Message[] = [prompt.opening(talk.job.input, scope.businessDate)];
  const turns = scope.agent.limits?.turns ?? 8;
  let repairs = 0;
  for (let turn = 1; turn <= turns + repairs; turn += 1) {
    const recorded = talk.job.recorded[turn - 1];
    const request = prompt.request(target.model, messages, target.maxOutputTokens ?? 4_096);
    const reply = recorded ?? (await callModel(context, request, turn).catch(whenDenied));
    if (reply instanceof Error) return { kind: 'denied', error: reply };
    // Providers refuse a message without content, which is what an answer cut off while it was thought over leaves.
    if (reply.parts.length > 0) messages.push({ role: 'assistant', parts: reply.parts });
    const calls = reply.parts.filter((part) => part.kind === 'call');
    if (calls.length > 0) {
      const answered = recorded?.answered ?? (await answerCalls(context, calls, turn));
      recall(answered, said);
      messages.push({ role: 'user', parts: answered.results });
      continue;
    }
    const checked = readAnswer(reply, scope);
    if (checked.ok) return { kind: 'answered', output: checked.output };
    if (repairs > 0)
      throw new EngineError(
        'OUTPUT_INVALID',
        `'${scope.agentName}' answered twice in a form that its schema does not allow: ${checked.why}.`,
      );
    repairs += 1;
    messages.push({
      role: 'user',
      parts: [
        {
          kind: 'text',
          text: `The answer does not fit the required form: ${checked.why}. Answer again with the corrected form only.`,
        },
      ],
    });
  }
  throw new EngineError(
    'TURNS_EXHAUSTED',
    `'${scope.agentName}' had no answer after ${turns} turns; raise limits.turns or narrow its task.`,
  );
}

/** A call that cannot be paid, or would go to a model that is ill, is an answer for the loop; anything else ends the attempt. */
function whenDenied(error: unknown): EngineError {
  if (isEngineError(error) && ['BUDGET_EXCEEDED', 'BREAKER_OPEN'].includes(error.code))
    return error;
  throw error;
}

function readAnswer(
  reply: Pick<ModelReply, 'parts' | 'stop'>,
  scope: StepScope,
): { readonly ok: true; readonly output: unknown } | { readonly ok: false; readonly why: string } {
  if (reply.stop === 'refusal')
    throw new EngineError('MODEL_REFUSED', `The model refused the task of '${scope.agentName}'.`);
  const text = reply.parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return {
      ok: false,
      why: reply.stop === 'length' ? 'it was cut off at the token limit' : 'it is no JSON',
    };
  }
  const parsed = scope.agent.output.safeParse(value);
  return parsed.success
    ? { ok: true, output: parsed.data }
    : { ok: false, why: issues(parsed.error) };
}

function consultPlaybook(context: AgentContext, said: Said, reason: string): Promise<unknown> {
  const { scope, talk } = context;
  talk.entry('playbook.started', { reason });
  return runPlaybook(talk.job.input, scope, (finding) => {
    said.findings.push(checkFinding(scope, finding));
  });
}

function succeeded(output: unknown, degraded: boolean, said: Said): JobDone {
  try {
    return {
      kind: 'succeeded',
      output: toStorableJson(output),
      degraded,
      trust: trustOf(said),
    };
  } catch (error) {
    throw new EngineError(
      'RESULT_UNCLONABLE',
      `The output cannot be written as JSON: ${toErrorData(error).message}.`,
      { cause: error },
    );
  }
}

function trustOf(said: Said): 'system' | 'external' {
  return said.external ? 'external' : 'system';
}
