import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import { type AgentDetail, detailOf, isShown } from '../../../engine/agents/agent-view.ts';
import type { Registry } from '../../../sdk/registry.ts';
import { withinReach } from '../reach.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { listOf } from '../shapes.ts';

/** A workflow to begin with. */
export interface WorkflowTemplate {
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  /** The document, YAML. */
  readonly text: string;
}

const templateShape = z
  .object({
    kind: z.enum(['workflow', 'agent']),
    name: z.string(),
    module: z.string().nullable().meta({ description: 'Of an agent; null for a workflow.' }),
    about: z.string(),
  })
  .meta({ id: 'TemplateSummary' });
const detailShape = templateShape
  .extend({
    text: z.string().nullable().meta({ description: 'Of a workflow: its document, YAML.' }),
    document: z
      .record(z.string(), z.unknown())
      .nullable()
      .meta({ description: 'Of an agent: what a document for `POST /v1/agents` may begin with.' }),
  })
  .meta({ id: 'Template' });

/** `/v1/templates`: what workflows and agents of one's own can begin with. Every agent of the loaded code is a template. */
export function templateRoutes(
  { registry }: { readonly registry: Registry },
  workflows: () => readonly WorkflowTemplate[],
): readonly Route[] {
  const permission = 'workflows:read';
  const agents = (): readonly AgentDetail[] =>
    [...registry.agents.values()].filter(isShown).map(detailOf);
  return [
    defineRoute({
      method: 'get',
      path: '/v1/templates',
      summary: 'Lists what workflows and agents of one’s own can begin with.',
      permission,
      answers: { 200: listOf(templateShape) },
      handle: async ({ principal }) => {
        const all = [
          ...workflows().map(({ name, about }) => ({
            kind: 'workflow',
            name,
            module: null,
            about,
          })),
          ...agents().map(({ name, module, purpose }) => ({
            ...{ kind: 'agent', name, module, about: purpose },
          })),
        ];
        const items = withinReach(all, { principal, permission }, ({ module }) =>
          module === null ? {} : { module },
        );
        return ok({ items, next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/templates/workflows/:name',
      summary: 'Shows the template of a workflow, with its document.',
      permission,
      answers: { 200: detailShape },
      errors: ['WORKFLOW_UNKNOWN'],
      handle: async ({ params }) => {
        const found = workflows().find(({ name }) => name === params.name);
        if (!found) throw unknown('WORKFLOW_UNKNOWN', params.name);
        const { name, about, text } = found;
        return ok({ kind: 'workflow', name, module: null, about, text, document: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/templates/agents/:name',
      summary: 'Shows what an agent that is made of a loaded one can begin with.',
      permission,
      answers: { 200: detailShape },
      errors: ['AGENT_UNKNOWN'],
      handle: async ({ params, demand }) => {
        const found = agents().find(({ name }) => name === params.name);
        if (!found) throw unknown('AGENT_UNKNOWN', params.name);
        const { name, module, purpose, instructions, model, tools } = found;
        demand({ module });
        const document = { template: name, purpose, instructions, model, tools };
        return ok({ kind: 'agent', name, module, about: purpose, text: null, document });
      },
    }),
  ];
}

function unknown(code: 'WORKFLOW_UNKNOWN' | 'AGENT_UNKNOWN', name: string): EngineError {
  return new EngineError(
    code,
    `There is no template '${name.slice(0, 64)}'; GET /v1/templates lists those that there are.`,
  );
}
