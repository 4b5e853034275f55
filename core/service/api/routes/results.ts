import { Router } from 'express';
import { z } from 'zod';
import type { Module } from '../../../sdk/module.ts';
import type { RegisteredWorkflow } from '../../../sdk/registry.ts';
import type { CompleteParts } from '../parts.ts';
import { pageOf, paging, readQuery } from '../request.ts';

const limits = { usual: 200, most: 1_000 };
const run = z.string().max(64).optional();
// Its run is part of it: by the next page another run may be the newest.
const findingsQuery = paging(z.string().regex(/^[0-9a-f-]{36}\/\d{1,15}$/i), limits).extend({
  run,
});
const proposalsQuery = paging(z.string().regex(/^[0-9a-f]{64}$/), limits).extend({
  run,
  /** Whether also what was decided. */
  all: z.stringbool().optional(),
});

/** `/v1/findings`, `/v1/proposals`, `/v1/modules`: what runs brought to light, and who they are made of. */
export function resultRoutes({ history, registry, tenantId }: CompleteParts): Router {
  const router = Router();

  router.get('/findings', async (request, response) => {
    const { cursor, limit, run } = readQuery(request, findingsQuery);
    const [cursorRun, seq] = cursor?.split('/') ?? [];
    const runId = run ?? cursorRun;
    const rows = await history.findings(tenantId, {
      limit: limit + 1,
      ...(runId !== undefined && { runId }),
      ...(seq !== undefined && { after: Number(seq) }),
    });
    response.json(pageOf(rows, limit, (finding) => finding.id));
  });

  router.get('/proposals', async (request, response) => {
    const { cursor, limit, run, all } = readQuery(request, proposalsQuery);
    const rows = await history.proposals(tenantId, {
      limit: limit + 1,
      all: all ?? false,
      ...(run !== undefined && { runId: run }),
      ...(cursor !== undefined && { after: cursor }),
    });
    response.json(pageOf(rows, limit, (proposal) => proposal.key));
  });

  router.get('/modules', (_request, response) => {
    const workflows = [...registry.workflows.values()];
    response.json({
      items: registry.modules.map(moduleView),
      workflows: workflows.map(({ module, workflow }: RegisteredWorkflow) => ({
        name: workflow.name,
        module,
      })),
      next: null,
    });
  });

  return router;
}

function moduleView({ name, version, requires, records, agents, tools }: Module): object {
  return {
    name,
    version,
    requires,
    records: records.map((entity) => entity.name),
    agents: agents.map((agent) => ({ name: `${name}.${agent.name}`, purpose: agent.purpose })),
    tools: tools.map((tool) => ({
      name: tool.name,
      description: tool.description,
      effect: tool.effect,
    })),
  };
}
