import { EngineError, toErrorData } from '../../core/base/errors.ts';
import { isDeeperJson, mostLevels } from '../../core/base/nesting.ts';
import { excessOf, type Largest } from '../../core/base/size.ts';
import { toStorableJson, toVisible } from '../../core/base/text.ts';
import { issues, type StepScope } from '../../core/guard/invoke.ts';
import type { ModelReply } from '../../core/ports/models/model.ts';
import { freeTextIn } from '../../core/sdk/extractor.ts';

/** What an output may have. */
const largestOutput: Largest = { bytes: 16_000_000, values: 200_000 };

/** What a reply says: more calls of tools, what its agent hands in (as JSON), or what does not fit the agent's schema. */
export type Answer =
  | { readonly kind: 'calls' }
  | { readonly kind: 'output'; readonly json: string }
  | { readonly kind: 'unfit'; readonly why: string };

/** Reads a reply. @throws MODEL_REFUSED · RESULT_UNCLONABLE · OUTPUT_INVALID */
export function readAnswer(
  reply: Pick<ModelReply, 'parts' | 'stop'>,
  { agent, agentName }: Pick<StepScope, 'agent' | 'agentName'>,
): Answer {
  if (reply.parts.some((part) => part.kind === 'call')) return { kind: 'calls' };
  if (reply.stop === 'refusal')
    throw new EngineError('MODEL_REFUSED', `The model refused the task of '${agentName}'.`);
  const text = reply.parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');
  let value: unknown;
  try {
    value = JSON.parse(toVisible(text));
  } catch {
    const why = reply.stop === 'length' ? 'it was cut off at the token limit' : 'it is no JSON';
    return { kind: 'unfit', why };
  }
  const parsed = agent.output.safeParse(value);
  if (!parsed.success) return { kind: 'unfit', why: issues(parsed.error) };
  const free = agent.extractor ? freeTextIn(parsed.data) : null;
  if (free !== null) return { kind: 'unfit', why: `${free}: must be a code, not a text` };
  return { kind: 'output', json: toOutputJson(parsed.data) };
}

/**
 * An output as it is stored. It is read by the engine, which hears nobody else meanwhile: what is longer belongs into records or files.
 * @throws RESULT_UNCLONABLE · OUTPUT_INVALID where it is too large
 */
export function toOutputJson(output: unknown): string {
  const json = storable(output);
  const excess = excessOf(json, largestOutput);
  if (excess !== null)
    throw new EngineError(
      'OUTPUT_INVALID',
      `The output ${excess}; hand in ids, and keep the rest in records or in a file.`,
    );
  if (!isDeeperJson(json)) return json;
  throw new EngineError(
    'RESULT_UNCLONABLE',
    `The output is nested more than ${mostLevels} levels deep; hand in something flatter.`,
  );
}

function storable(output: unknown): string {
  try {
    return toStorableJson(output);
  } catch (error) {
    throw new EngineError(
      'RESULT_UNCLONABLE',
      `The output cannot be written as JSON: ${toErrorData(error).message}.`,
      { cause: error },
    );
  }
}

/** What is recorded of a reply: its parts, or only their text where that is to the letter what the step hands in. */
export function toRecord(
  { parts }: Pick<ModelReply, 'parts'>,
  answer: Answer | null,
): { readonly body: string; readonly isOutput?: true } {
  const [part] = parts;
  const isOutput =
    answer?.kind === 'output' &&
    parts.length === 1 &&
    part?.kind === 'text' &&
    part.echo === undefined &&
    part.text === answer.json;
  return isOutput ? { body: answer.json, isOutput } : { body: toStorableJson(parts) };
}
