import { z } from 'zod';
import type { CompleteParts } from '../parts.ts';
import { withinReach } from '../reach.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { listOf } from '../shapes.ts';

const patterns = z.array(z.string()).meta({ description: 'Names, with `*` for any rest.' });
const scope = {
  agents: patterns.optional(),
  tools: patterns.optional(),
  companies: patterns.optional(),
};
const policyShape = z
  .object({
    name: z.string(),
    module: z.string().nullable().meta({ description: 'Null: the configuration declares it.' }),
    grants: z
      .array(z.object({ ...scope, autonomy: z.enum(['observe', 'propose', 'approve', 'act']) }))
      .meta({ description: 'The strictest that matches wins.' }),
    access: z
      .array(z.object({ agents: patterns, tools: patterns }))
      .meta({ description: 'Tools of other modules that agents may use.' }),
    duties: z
      .array(z.object({ pair: z.array(z.string()).length(2), reason: z.string() }))
      .meta({ description: 'What no one actor may do at one document.' }),
    tiers: z
      .array(
        z.object({
          name: z.string(),
          ...scope,
          above: z.object({ amount: z.string(), currency: z.string() }).optional(),
          risk: z.enum(['low', 'normal', 'high']).optional(),
          by: z.array(z.string()),
          required: z.int().optional(),
          expires: z.string().optional(),
          escalate: z.object({ after: z.string(), to: z.array(z.string()) }).optional(),
        }),
      )
      .meta({ description: 'Who must agree to which writes.' }),
    external: z
      .array(
        z.object({ agents: patterns, tools: patterns, check: z.enum(['master_data', 'none']) }),
      )
      .meta({ description: 'Who may write after reading text from outside.' }),
  })
  .meta({ id: 'Policy' });

/** `/v1/policies`: what the loaded policies say; they are code, and change with it. */
export function policyRoutes({ registry }: Pick<CompleteParts, 'registry'>): readonly Route[] {
  const permission = 'authority:read';
  return [
    defineRoute({
      method: 'get',
      path: '/v1/policies',
      summary: 'Lists the loaded policies with their grants, duties and tiers.',
      description:
        'Policies are code and change with a restart; what is granted while Tutti runs is in `/v1/autonomy` and `/v1/tools/{name}/grants`.',
      permission,
      answers: { 200: listOf(policyShape) },
      handle: async ({ principal }) => {
        const { modules, policies } = registry;
        const all = policies.map((policy) => {
          const { kind: _, access = [], duties = [], tiers = [], external = [], ...own } = policy;
          const module = modules.find((each) => each.policies.includes(policy))?.name ?? null;
          return { ...own, module, access, duties, tiers, external };
        });
        // Those of the configuration hold for everybody.
        const items = withinReach(all, { principal, permission }, ({ module }) =>
          module === null ? {} : { module },
        );
        return ok({ items, next: null });
      },
    }),
  ];
}
