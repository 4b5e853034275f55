import { type Clock, systemClock } from '../../../base/clock.ts';
import type { ModelTarget } from '../model.ts';
import { anthropic, connect, type ModelEnv, openai } from '../open.ts';
import type { BatchModel } from './batch.ts';
import { anthropicBatch } from './batch-anthropic.ts';
import { openaiBatch } from './batch-openai.ts';
import { isOpenAiHost } from './batch-openai-dialect.ts';

/** A target as batches are opened for it. */
type BatchedTarget = ModelTarget & { readonly batches?: boolean };

/** Whether the provider of a target has batches; asks nobody. */
export function hasBatches(target: BatchedTarget, env: ModelEnv): boolean {
  const { provider, batches, baseUrl = env.OPENAI_BASE_URL } = target;
  if (batches === false) return false;
  if (provider !== 'openai-chat') return provider === 'openai' || provider === 'anthropic';
  return batches === true || baseUrl === undefined || isOpenAiHost(baseUrl);
}

/**
 * The batches of a target's provider, or null where it has none: scripted models, providers of one's own, and servers other than
 * OpenAI's that speak Chat Completions. `batches` decides it for the target, for example for a server that has the Batch API, too.
 * Nothing is loaded or connected before the first call.
 * @throws MODEL_REFUSED without a key, CONFIG_INVALID for a base URL that is none
 */
export function openBatch(
  target: ModelTarget & { readonly batches?: boolean },
  env: ModelEnv,
  clock: Clock = systemClock,
): BatchModel | null {
  if (target.batches === false) return null;
  switch (target.provider) {
    case 'openai':
      return openaiBatch(connect(target, openai, { env, clock }), 'openai');
    case 'openai-chat': {
      const connection = connect(target, openai, { env, clock });
      return isOpenAiHost(connection.baseUrl) || target.batches
        ? openaiBatch(connection, 'openai-chat')
        : null;
    }
    case 'anthropic':
      return anthropicBatch(connect(target, anthropic, { env, clock }));
    default:
      return null;
  }
}
