import { EngineError } from '../../core/base/errors.ts';
import type { Message, ModelReply, Part } from '../../core/ports/models/model.ts';
import type { AnswerForm } from './answer-form.ts';
import { textOf } from './history.ts';
import type { Mind } from './options.ts';
import type { Happening } from './steps.ts';
import type { AgentTools } from './tools.ts';

/** A question, with what it is answered by. */
export interface Question<T> {
  readonly mind: Mind;
  readonly tools: AgentTools;
  readonly instructions: string;
  readonly form: AnswerForm<T>;
  readonly maxSteps: number;
  readonly tell: (happening: Happening) => void;
  readonly signal: AbortSignal;
}

/**
 * Asks until there is an answer: calls of tools are answered, at once where the model asks for several, and an answer of a wrong form may
 * be repaired once. Everything that is said is added to `messages`. @throws MODEL_* · OUTPUT_INVALID · TURNS_EXHAUSTED
 */
export async function converse<T>(messages: Message[], question: Question<T>): Promise<T> {
  let repairs = 0;
  for (let step = 1; step <= question.maxSteps + repairs; step += 1) {
    const reply = await ask(messages, question);
    if (reply.parts.length > 0) messages.push({ role: 'assistant', parts: reply.parts });
    const calls = reply.parts.flatMap((part) => (part.kind === 'call' ? [part] : []));
    if (calls.length > 0) {
      const results = await Promise.all(calls.map((call) => answerCall(call, question)));
      messages.push({ role: 'user', parts: results });
      continue;
    }
    const answer = read(reply, question);
    if ('value' in answer) return answer.value;
    if (repairs > 0) throw unfit(answer.why);
    repairs += 1;
    const text = `The answer does not fit the required form: ${answer.why}. Answer again with the corrected form only.`;
    messages.push({ role: 'user', parts: [{ kind: 'text', text }] });
  }
  throw new EngineError(
    'TURNS_EXHAUSTED',
    `There was no answer after ${question.maxSteps} steps; raise maxSteps or narrow the question.`,
  );
}

async function ask<T>(messages: readonly Message[], question: Question<T>): Promise<ModelReply> {
  const { mind, tools, instructions, form, tell, signal } = question;
  const { model, maxOutputTokens = 4_096, deadlines } = mind.target;
  const { specs } = tools;
  tell({ kind: 'asking' });
  const reply = await mind.model.call(
    { model, instructions, messages, tools: specs, output: form.output, maxOutputTokens },
    {
      signal,
      ...deadlines,
      // Pieces of a wrapped answer are no text.
      ...(mind.isFree && { onDelta: (text) => tell({ kind: 'delta', text }) }),
    },
  );
  tell({ kind: 'reply', reply });
  return reply;
}

async function answerCall<T>(
  call: Extract<Part, { kind: 'call' }>,
  { tools, tell, signal }: Question<T>,
): Promise<Part> {
  tell({ kind: 'calling', call });
  const result = await tools.answer(call, signal);
  const content = result.kind === 'result' ? result.content : '';
  tell({ kind: 'called', call, content });
  return result;
}

function read<T>(reply: ModelReply, { form }: Question<T>): ReturnType<AnswerForm<T>['read']> {
  if (reply.stop === 'refusal') {
    throw new EngineError('MODEL_REFUSED', 'The model refused to answer the question.');
  }
  const answer = form.read(textOf(reply.parts));
  if ('why' in answer && reply.stop === 'length') {
    return { why: 'it was cut off at the token limit' };
  }
  return answer;
}

function unfit(why: string): EngineError {
  return new EngineError(
    'OUTPUT_INVALID',
    `The model answered twice in a form that the schema does not allow: ${why}.`,
  );
}
