import { z } from 'zod';
import { form } from '../sdk/document/document-form.ts';
import { count, isTrue, rate, said, text, whole } from './config-values.ts';

/*
 * What a configuration may say of models, and of how often they and tools are called.
 */

const toolRates = {
  requestsPerMinute: said(rate, 'requests in any 60 s'),
  requestsPerHour: said(rate, 'requests an hour'),
  requestsPerDay: said(rate, 'requests a day'),
  concurrency: said(count, 'calls at once'),
};
/** How often a tool, or the ERP, is called. */
export const toolLimit = form(toolRates);
/** How often a model is asked. */
export const rateLimit = form({
  ...toolRates,
  tokensPerMinute: said(rate, 'tokens in any 60 s, input and output together'),
  inputTokensPerMinute: said(rate, 'input tokens in any 60 s'),
  outputTokensPerMinute: said(rate, 'output tokens in any 60 s'),
  burst: said(rate, 'requests in any second'),
  headroom: said(z.number().min(0).max(0.9), 'share that runs which nobody waits for leave free'),
});

const rates = { input: whole, cachedInput: whole, cacheWrite: whole, output: whole };
/** What a model costs, micro-USD per million tokens. */
export const price = form({ ...rates, batch: said(form(rates), 'rates of provider batches') });

const deadlines = form({
  connectMs: count.optional(),
  firstByteMs: count.optional(),
  idleMs: count.optional(),
  totalMs: count.optional(),
});
const target = form({
  provider: text,
  model: text,
  baseUrl: z.url({ protocol: /^https?$/ }).optional(),
  apiKeyEnv: text.optional(),
  maxOutputTokens: count.optional(),
  deadlines: deadlines.optional(),
  batches: isTrue.optional(),
});
const chain = form({
  targets: z.array(target).min(1),
  choose: z.enum(['order', 'cost']).optional(),
});
/** One target, several, or a chain: which one was meant is seen by its shape, so that its faults are told and not those of the others. */
export const models = z.unknown().check((context) => {
  const { value } = context;
  const isChain = typeof value === 'object' && value !== null && 'targets' in value;
  const meant = Array.isArray(value) ? z.array(target).min(1) : isChain ? chain : target;
  const { error } = (meant as z.ZodType).safeParse(value);
  for (const issue of error?.issues ?? [])
    context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
});
