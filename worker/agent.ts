import { EngineError, toErrorData } from '../core/base/errors.ts';
import { issues, type StepScope } from '../core/guard/invoke.ts';
import type { JobDone } from '../core/ports/dispatcher.ts';
import type { Message, ModelReply } from '../core/ports/models/model.ts';
import { checkFinding } from './finding.ts';
import { runPlaybook } from './playbook.ts';
import { type AgentContext, answerCalls, callModel } from './turn.ts';

/** Runs one attempt of a step to its end. Never throws: the result says what happened. */
export async function runAgent(context: AgentContext): Promise<JobDone> {
  const { scope, talk } = context;
  const trust = { external: false };
  try {
    if (talk.job.mode === 'playbook')
      return succeeded(await consultPlaybook(context, 'no model'), false, trust);
    const answer = await converse(context, trust);
    if (answer.kind === 'answered') return succeeded(answer.output, false, trust);
    if (scope.agent.onBudget === 'fail' || !scope.agent.procedure) throw answer.error;
    // Nothing that the model said goes into the playbook; its writes meet their own keys.
    return succeeded(await consultPlaybook(context, answer.error.code), true, trust);
  } catch (error) {
    const cause = scope.signal.aborted ? scope.signal.reason : error;
    return {
      kind: 'failed',
      error: toErrorData(cause, 'AGENT_FAILED'),
      degraded: false,
      trust: trustOf(trust),
    };
  }
}

type Answer =
  | { readonly kind: 'answered'; readonly output: unknown }
  | { readonly kind: 'over_budget'; readonly error: EngineError };

/**
 * The agent loop: ask the model, answer its tool calls, until it hands in what its schema asks for. An answer that does not
 * fit gets one turn to be repaired.
 */
async function converse(context: AgentContext, trust: { external: boolean }): Promise<Answer> {
  const { scope, talk, prompt, target } = context;
  const messages: Message[] = [prompt.opening(talk.job.input, scope.businessDate)];
  const turns = scope.agent.limits?.turns ?? 8;
  let repaired = false;
  for (let turn = 1; turn <= turns; turn += 1) {
    const request = prompt.request(target.model, messages, target.maxOutputTokens ?? 4_096);
    const reply = await callModel(context, request, turn).catch((error: unknown) => {
      if ((error as { code?: string }).code === 'BUDGET_EXCEEDED') return error as EngineError;
      throw error;
    });
    if (reply instanceof Error) return { kind: 'over_budget', error: reply };
    messages.push({ role: 'assistant', parts: reply.parts });
    const calls = reply.parts.filter((part) => part.kind === 'call');
    if (calls.length > 0) {
      messages.push({ role: 'user', parts: await answerCalls(context, calls, trust) });
      continue;
    }
    const checked = readAnswer(reply, scope);
    if (checked.ok) return { kind: 'answered', output: checked.output };
    if (repaired)
      throw new EngineError(
        'OUTPUT_INVALID',
        `'${scope.agentName}' answered twice in a form that its schema does not allow: ${checked.why}.`,
      );
    repaired = true;
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

function readAnswer(
  reply: ModelReply,
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

function consultPlaybook(context: AgentContext, reason: string): Promise<unknown> {
  const { scope, talk } = context;
  talk.entry('playbook.started', { reason });
  return runPlaybook(talk.job.input, scope, (finding) =>
    talk.finding(checkFinding(scope, finding)),
  );
}

function succeeded(
  output: unknown,
  degraded: boolean,
  trust: { readonly external: boolean },
): JobDone {
  try {
    return {
      kind: 'succeeded',
      output: JSON.stringify(output ?? null),
      degraded,
      trust: trustOf(trust),
    };
  } catch (error) {
    throw new EngineError(
      'RESULT_UNCLONABLE',
      `The output cannot be written as JSON: ${toErrorData(error).message}.`,
      { cause: error },
    );
  }
}

function trustOf(trust: { readonly external: boolean }): 'system' | 'external' {
  return trust.external ? 'external' : 'system';
}
