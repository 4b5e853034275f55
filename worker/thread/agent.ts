import { EngineError, toErrorData } from '../../core/base/errors.ts';
import type { JobDone } from '../../core/ports/dispatcher.ts';
import type { Message } from '../../core/ports/models/model.ts';
import { answersOf, partsOf, type RecordedTurn } from '../../core/ports/recorded-turn.ts';
import type { AnyAgent } from '../../core/sdk/agent.ts';
import { readAnswer, toOutputJson } from './answer.ts';
import { waitsForOthers } from './delegation.ts';
import { isDenial } from './denial.ts';
import { Findings } from './finding.ts';
import { runPlaybook } from './playbook.ts';
import { runRehearsal } from './rehearsal.ts';
import { type AgentContext, answerCalls, callModel, recall } from './turn.ts';

/** Runs one attempt of a step to its end. Never throws: the result says what happened. */
export async function runAgent(context: AgentContext): Promise<JobDone> {
  const { scope, talk } = context;
  const found = new Findings();
  talk.tellsWhenAsking(() => found.all);
  try {
    const { output, degraded } = await work(context, found);
    for (const finding of found.all) talk.finding(finding);
    return { kind: 'succeeded', output, degraded, trust: scope.label.trust };
  } catch (error) {
    const cause = scope.signal.aborted ? scope.signal.reason : error;
    return {
      kind: 'failed',
      error: toErrorData(cause, 'AGENT_FAILED'),
      degraded: false,
      trust: scope.label.trust,
    };
  }
}

/** Returns the output as JSON. */
async function work(
  context: AgentContext,
  found: Findings,
): Promise<{ readonly output: string; readonly degraded: boolean }> {
  const { scope, talk } = context;
  if (talk.job.mode === 'playbook') {
    return { output: await consultPlaybook(context, found, 'no model'), degraded: false };
  }
  if (talk.job.mode === 'rehearsal') {
    return await runRehearsal(context, (finding) => found.add(scope, finding));
  }
  const answer = await converse(context, found);
  if (answer.kind === 'answered') return { output: answer.json, degraded: false };
  if (mustFail(scope.agent, answer.error)) throw answer.error;
  // Nothing that the model said goes into the playbook; its writes meet their own keys.
  found.clear();
  scope.label.trust = talk.job.trust ?? 'operator';
  return { output: await consultPlaybook(context, found, answer.error.code), degraded: true };
}

/** Whether no playbook takes the place of a call that was denied. */
function mustFail({ onBudget, procedure }: AnyAgent, { details }: EngineError): boolean {
  return onBudget === 'fail' || details?.asks === true || !procedure;
}

type Conversed =
  | { readonly kind: 'answered'; readonly json: string }
  | { readonly kind: 'denied'; readonly error: EngineError };

/**
 * The agent loop: ask the model, answer its tool calls, until it hands in what its schema asks for. An answer that does not
 * fit gets one turn to be repaired, beyond the agent's own number of turns. Turns that an earlier attempt has recorded are gone
 * through in the same way, without asking the model again or calling a tool that had answered.
 */
async function converse(context: AgentContext, found: Findings): Promise<Conversed> {
  const { scope, talk, prompt } = context;
  const messages: Message[] = [prompt.opening(talk.job.input, scope.businessDate, scope.goal)];
  const turns = scope.agent.limits?.turns ?? 8;
  let repairs = 0;
  for (let turn = 1; turn <= turns + repairs; turn += 1) {
    const recorded = talk.job.recorded[turn - 1];
    const told = recorded
      ? recalled(recorded, scope)
      : await callModel(context, messages, turn).catch(whenDenied);
    if (told instanceof Error) return { kind: 'denied', error: told };
    const { reply, answer } = told;
    // Providers refuse a message without content, which is what an answer cut off while it was thought over leaves.
    if (reply.parts.length > 0) messages.push({ role: 'assistant', parts: reply.parts });
    if (answer.kind === 'calls') {
      if (recorded?.isDelegated) throw waitsForOthers();
      const calls = reply.parts.filter((part) => part.kind === 'call');
      const before = recorded ? answersOf(recorded) : null;
      if (before) found.recall(before.findings);
      const answered = before ?? (await answerCalls(context, { calls, turn, found }));
      recall(context, answered);
      messages.push({ role: 'user', parts: answered.results });
      continue;
    }
    if (answer.kind === 'output') return { kind: 'answered', json: answer.json };
    if (repairs > 0)
      throw new EngineError(
        'OUTPUT_INVALID',
        `'${scope.agentName}' answered twice in a form that its schema does not allow: ${answer.why}.`,
      );
    repairs += 1;
    messages.push({
      role: 'user',
      parts: [
        {
          kind: 'text',
          text: `The answer does not fit the required form: ${answer.why}. Answer again with the corrected form only.`,
        },
      ],
    });
  }
  throw new EngineError(
    'TURNS_EXHAUSTED',
    `'${scope.agentName}' had no answer after ${turns} turns; raise limits.turns or narrow its task.`,
  );
}

function recalled(turn: RecordedTurn, scope: AgentContext['scope']) {
  const reply = { parts: partsOf(turn), stop: turn.stop };
  return { reply, answer: readAnswer(reply, scope) };
}

/** A call that cannot be paid, or would go to a model that is ill, is an answer for the loop; anything else ends the attempt. */
function whenDenied(error: unknown): EngineError {
  if (isDenial(error)) return error;
  throw error;
}

async function consultPlaybook(
  context: AgentContext,
  found: Findings,
  reason: string,
): Promise<string> {
  const { scope, talk } = context;
  talk.entry('playbook.started', { reason });
  const output = await runPlaybook(talk.job.input, scope, (finding) => found.add(scope, finding));
  return toOutputJson(output);
}
