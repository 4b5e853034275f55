import { z } from 'zod';
import { form } from '../sdk/document/document-form.ts';
import { count, named, said, text, texts, whole } from './config-values.ts';

/*
 * What a configuration may say about where agents run: threads of the engine, processes, other machines.
 */

const threadCount = count.max(256);

/** How many worker threads there are. */
export const threads = z.union(
  [
    threadCount,
    form({ least: threadCount.optional(), most: threadCount.optional() }).refine(
      ({ least, most }) => least === undefined || most === undefined || least <= most,
      { path: ['most'], error: 'give no fewer than `least`' },
    ),
  ],
  'give a number from 1 to 256, or { least, most }',
);

const poolName = z.string().regex(/^[a-z][a-z0-9_]*$/, 'must be lower snake case');
const place = z.union(
  [z.enum(['process', 'thread']), form({ machine: poolName })],
  "give 'process', 'thread' or { machine: 'a_pool' }",
);

/** Agents that are kept apart. */
export const isolation = form({
  agents: said(
    named(place),
    'where agents run, by name or pattern: `process`, `thread` or `{ machine: pool }`',
    'as they declare',
  ),
  processes: said(count.max(256), 'processes at once, each of one module', 4),
  heapMb: said(z.int().min(64).max(65_536), 'heap of the agents of a process together, MB', 512),
});

/** Machines beside the engines' own. */
export const machines = form({
  host: said(text, 'the address that engines listen on for machines', '127.0.0.1'),
  port: said(whole.max(65_535), 'the port; 0 takes any that is free', 4885),
  ca: text.meta({ description: "the file with the certificate of both sides' own authority" }),
  cert: text.meta({ description: "the file with this machine's certificate" }),
  key: text.meta({ description: 'the file with its key' }),
  pools: said(
    named(texts),
    'by pool, the machines that may be of it, by the names in their certificates',
    'any with a certificate',
  ),
});
