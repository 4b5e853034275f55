import { type Clock, systemClock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { readSecret } from '../secret.ts';
import { anthropicMessages } from './anthropic.ts';
import type { Connection } from './connection.ts';
import type { Model, ModelTarget } from './model.ts';
import { openaiChat } from './openai-chat.ts';
import { openaiResponses } from './openai-responses.ts';
import { ScriptedModel } from './scripted.ts';

/** Environment variables by name, as in `process.env`. */
export type ModelEnv = Readonly<Record<string, string | undefined>>;

interface Endpoint {
  readonly name: string;
  readonly baseUrl: string;
  readonly baseUrlEnv: string;
  readonly apiKeyEnv: string;
}

export const openai: Endpoint = {
  name: 'openai',
  baseUrl: 'https://api.openai.com/v1',
  baseUrlEnv: 'OPENAI_BASE_URL',
  apiKeyEnv: 'OPENAI_API_KEY',
};
export const anthropic: Endpoint = {
  name: 'anthropic',
  baseUrl: 'https://api.anthropic.com',
  baseUrlEnv: 'ANTHROPIC_BASE_URL',
  apiKeyEnv: 'ANTHROPIC_API_KEY',
};

/**
 * The model behind a profile; the only place that tells providers apart. Nothing is loaded or connected before the first
 * call. A `scripted` target has no replies: tests pass their own ScriptedModel.
 * @throws MODEL_REFUSED without a key, CONFIG_INVALID for a base URL that is none
 */
export function openModel(target: ModelTarget, env: ModelEnv, clock: Clock = systemClock): Model {
  switch (target.provider) {
    case 'openai':
      return openaiResponses(connect(target, openai, { env, clock }));
    case 'openai-chat':
      return openaiChat(connect(target, openai, { env, clock }));
    case 'anthropic':
      return anthropicMessages(connect(target, anthropic, { env, clock }));
    case 'scripted':
      return new ScriptedModel([]);
    default:
      throw new EngineError(
        'CONFIG_INVALID',
        `There is no provider '${target.provider}'; declare it under \`providers\` in tutti.config.ts.`,
      );
  }
}

/**
 * Loads what the first calls of these targets would load, some tenths of a second each: a thread that may call them does so before
 * it takes work. Providers of the configuration load themselves.
 */
export async function loadProviders(
  targets: Iterable<Pick<ModelTarget, 'provider'>>,
): Promise<void> {
  const names = new Set([...targets].map(({ provider }) => provider));
  if (names.has('openai') || names.has('openai-chat')) await import('openai');
  if (names.has('anthropic')) await import('@anthropic-ai/sdk');
}

/** Whether a target can be called: its key is set, or it needs none. Without, agents run their playbooks. */
export function hasKey(target: ModelTarget, env: ModelEnv): boolean {
  if (!['openai', 'openai-chat', 'anthropic'].includes(target.provider)) return true;
  return readKey(target, target.provider === 'anthropic' ? anthropic : openai, env) !== undefined;
}

// A local server that speaks Chat Completions asks for no key; one that does has its variable named in the target.
function readKey(target: ModelTarget, endpoint: Endpoint, env: ModelEnv): string | undefined {
  const key = readSecret(target.apiKeyEnv ?? endpoint.apiKeyEnv, env);
  if (key) return key;
  const isLocal = target.provider === 'openai-chat' && (target.baseUrl ?? env[endpoint.baseUrlEnv]);
  return isLocal && target.apiKeyEnv === undefined ? 'none' : undefined;
}

export function connect(
  target: ModelTarget,
  endpoint: Endpoint,
  { env, clock }: { readonly env: ModelEnv; readonly clock: Clock },
): Connection {
  const apiKeyEnv = target.apiKeyEnv ?? endpoint.apiKeyEnv;
  const apiKey = readKey(target, endpoint, env);
  const baseUrl = target.baseUrl || env[endpoint.baseUrlEnv] || endpoint.baseUrl;
  const url = URL.parse(baseUrl);
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') {
    throw new EngineError(
      'CONFIG_INVALID',
      `The base URL of ${target.model} is no http(s) URL; correct the profile or ${endpoint.baseUrlEnv}.`,
    );
  }
  if (apiKey === undefined) {
    throw new EngineError(
      'MODEL_REFUSED',
      `${target.model} needs a key; set ${apiKeyEnv} to a key for ${url.origin}.`,
    );
  }
  return { provider: endpoint.name, baseUrl, origin: url.origin, apiKey, apiKeyEnv, clock };
}
