import {
  type CallToolResult,
  McpServer,
  type ServerContext,
  type StandardSchemaWithJSON,
} from '@modelcontextprotocol/server';
import type { JsonSchema } from '../../ports/models/json-schema.ts';
import { answer, answerError } from './answer.ts';
import type { Caller } from './caller.ts';
import type { Calling, Offer } from './offer.ts';
import type { McpParts } from './parts.ts';
import { registerResources } from './resources.ts';

/** How long clients may keep what they know of the lists: nothing in them changes while a process runs but published workflows. */
const listsTtlMs = 60_000;
const instructions = `Tutti runs AI agents over a company's ERP. list_workflows and get_workflow say what can be run; start_run starts it, get_run and explain_run say how it stands, list_findings and list_proposals what came of it. What agents would change is proposed to people; no tool decides for them.`;

/** Makes the server of one caller: what it may not do, it is not offered. One is made for each request over HTTP. */
export function buildServer(
  parts: McpParts,
  { offers, caller }: { readonly offers: Iterable<Offer>; readonly caller: Caller },
): McpServer {
  const hint = { ttlMs: listsTtlMs, cacheScope: 'private' } as const;
  const server = new McpServer(
    { name: 'tutti', title: 'Tutti', version: parts.version },
    {
      capabilities: { tools: { listChanged: false }, resources: { listChanged: false } },
      cacheHints: { 'tools/list': hint, 'resources/templates/list': hint },
      instructions,
    },
  );
  for (const offer of offers) {
    if (!caller.scopes.has(offer.scope)) continue;
    const { name, description, annotations, input } = offer;
    server.registerTool(
      name,
      { description, annotations, inputSchema: asItComes(input) },
      (args, context) => callOffer(offer, args, { parts, caller, context }),
    );
  }
  if (caller.scopes.has('read')) registerResources(server, parts);
  return server;
}

async function callOffer(
  offer: Offer,
  args: unknown,
  {
    parts,
    caller,
    context,
  }: {
    readonly parts: McpParts;
    readonly caller: Caller;
    readonly context: ServerContext;
  },
): Promise<CallToolResult> {
  try {
    const { signal } = context.mcpReq;
    return answer(await offer.call(args, { caller, signal, tell: tellerOf(context) }));
  } catch (error) {
    return answerError(error, parts.onError);
  }
}

/** Progress goes to whoever asked for it, as long as they are there. */
function tellerOf({ mcpReq }: ServerContext): Calling['tell'] {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return async () => {};
  return async (told) => {
    if (mcpReq.signal.aborted) return;
    const params = { progressToken, ...told };
    await mcpReq.notify({ method: 'notifications/progress', params }).catch(() => {});
  };
}

/** A schema for clients to read; offers check their arguments by themselves, so that one answer tells what is wrong. */
function asItComes(schema: JsonSchema): StandardSchemaWithJSON {
  const json = () => ({ ...schema });
  return {
    '~standard': {
      ...{ version: 1, vendor: 'tutti' },
      validate: (value) => ({ value }),
      jsonSchema: { input: json, output: json },
    },
  };
}
