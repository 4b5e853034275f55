import type { Readable, Writable } from 'node:stream';
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import { operator } from './caller.ts';
import { offersOf } from './catalogue.ts';
import type { McpParts } from './parts.ts';
import { buildServer } from './server.ts';

/** The pipe between Tutti and the program that has started it. */
export interface Pipe {
  readonly input: Readable;
  readonly output: Writable;
}

/** Serves the program that has started this process, until it closes the pipe or the parts close. @throws MODULE_INVALID */
export async function serveOverStdio(parts: McpParts, { input, output }: Pipe): Promise<void> {
  const offers = offersOf(parts);
  const ended = Promise.withResolvers<void>();
  const end = () => ended.resolve();
  for (const event of ['end', 'close', 'error']) input.once(event, end);
  output.once('error', end);
  parts.closing.addEventListener('abort', end, { once: true });
  if (parts.closing.aborted) return;
  const handle = serveStdio(
    () => buildServer(parts, { offers: offers().values(), caller: operator }),
    { transport: new StdioServerTransport(input, output), onerror: parts.onError },
  );
  await ended.promise;
  await handle.close();
}
