import type OpenAI from 'openai';
import { type Connection, shareClients } from './connection.ts';
import { watchedFetch } from './watched-fetch.ts';

// The SDK waits for nothing and retries nothing: deadlines are the call watch's, retries the engine's.
const neverMs = 2 ** 31 - 1;

/** The OpenAI SDK's client of a connection, for both of its APIs. Its own logging is off: it would print replies. */
export const openaiClient: (connection: Connection) => Promise<OpenAI> = shareClients(
  async ({ baseUrl, apiKey }) => {
    const { OpenAI } = await import('openai');
    return new OpenAI({
      baseURL: baseUrl,
      apiKey,
      adminAPIKey: null,
      maxRetries: 0,
      timeout: neverMs,
      logLevel: 'off',
      fetch: watchedFetch,
    });
  },
);
