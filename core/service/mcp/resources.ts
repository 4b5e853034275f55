import {
  type McpServer,
  type ReadResourceResult,
  ResourceNotFoundError,
  ResourceTemplate,
  type Variables,
} from '@modelcontextprotocol/server';
import { isEngineError } from '../../base/errors.ts';
import { toVisible } from '../../base/text.ts';
import { writeDocument } from '../../sdk/document/document-writer.ts';
import { type SummaryPart, summarise } from '../batch/summary.ts';
import { toToldError } from './answer.ts';
import type { McpParts } from './parts.ts';

/** What a conversation can take in; list_findings goes on page by page. */
const mostFindings = 200;

/** What can be read: workflows as documents, and of runs the report and the findings. */
export function registerResources(server: McpServer, parts: McpParts): void {
  const { versions, history, tenantId } = parts;
  if (versions) registerWorkflows(server, parts, versions);
  server.registerResource(
    'run_report',
    new ResourceTemplate('tutti://runs/{run}/report', { list: undefined }),
    { description: 'What a run came to, as a person reads it.', mimeType: 'text/markdown' },
    (uri, { run }) =>
      read(uri, parts, async () => {
        const { id } = await history.head(tenantId, one(run));
        const record = await parts.record(tenantId, id);
        return summarise(record).map(markdown).join('\n\n');
      }),
  );
  server.registerResource(
    'run_findings',
    new ResourceTemplate('tutti://runs/{run}/findings', { list: undefined }),
    { description: `The first ${mostFindings} findings of a run.`, mimeType: 'application/json' },
    (uri, { run }) =>
      read(uri, parts, async () =>
        JSON.stringify(await history.findings(tenantId, { runId: one(run), limit: mostFindings })),
      ),
  );
}

function registerWorkflows(
  server: McpServer,
  parts: McpParts,
  versions: NonNullable<McpParts['versions']>,
): void {
  const { tenantId } = parts;
  const mimeType = 'application/yaml';
  const list = async () => {
    const workflows = await versions.workflows(tenantId);
    const names = workflows.map(({ name }) => name).sort();
    return {
      resources: names.map((name) => ({ name, uri: `tutti://workflows/${name}`, mimeType })),
    };
  };
  server.registerResource(
    'workflow',
    new ResourceTemplate('tutti://workflows/{name}', { list }),
    { description: 'A workflow as a document that can be changed and published.', mimeType },
    (uri, { name }) =>
      read(uri, parts, async () => {
        const { data } = await versions.find(tenantId, one(name));
        return writeDocument(data).yaml;
      }),
  );
}

/** @throws ResourceNotFoundError · what failed, without what callers are not told */
async function read(
  uri: URL,
  { onError }: McpParts,
  text: () => Promise<string>,
): Promise<ReadResourceResult> {
  try {
    const mimeType = mimeTypeOf(uri);
    return { contents: [{ uri: uri.href, mimeType, text: toVisible(await text()) }] };
  } catch (error) {
    if (isEngineError(error) && error.status === 404) throw new ResourceNotFoundError(uri.href);
    throw toToldError(error, onError);
  }
}

function mimeTypeOf({ href }: URL): string {
  if (href.endsWith('/report')) return 'text/markdown';
  return href.endsWith('/findings') ? 'application/json' : 'application/yaml';
}

function one(variable: Variables[string] | undefined): string {
  return String(Array.isArray(variable) ? variable[0] : variable);
}

function markdown(part: SummaryPart): string {
  switch (part.kind) {
    case 'title':
      return `## ${oneLine(part.text)}`;
    case 'line':
      return oneLine(part.text);
    case 'rows': {
      const [head = [], ...rows] = part.rows;
      const line = (cells: readonly string[]) =>
        `| ${cells.map((cell) => oneLine(cell).replaceAll('|', '\\|')).join(' | ')} |`;
      return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
    }
  }
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}
