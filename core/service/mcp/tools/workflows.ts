import { z } from 'zod';
import type { Versions } from '../../../engine/versions/versions.ts';
import { writeDocument } from '../../../sdk/document/document-writer.ts';
import { versionNumber } from '../../api/request.ts';
import { looks, type Offer, offer } from '../offer.ts';
import type { McpParts } from '../parts.ts';

/** Workflows: which there are, and what each takes and does. */
export function workflowOffers({ tenantId }: McpParts, versions: Versions): readonly Offer[] {
  return [
    offer({
      name: 'list_workflows',
      description: 'Lists the workflows that can be run, with module and description.',
      ...{ scope: 'read', annotations: looks },
      input: z.strictObject({}),
      call: async () => ({ items: await versions.workflows(tenantId) }),
    }),
    offer({
      name: 'get_workflow',
      description:
        'Shows one workflow: the JSON Schema of its input, for start_run, and the whole of it as a YAML document.',
      ...{ scope: 'read', annotations: looks },
      input: z.strictObject({
        name: z.string().min(1).max(200),
        version: versionNumber.optional().describe('By default the one that a plain run takes'),
      }),
      async call({ name, version }) {
        const { data, version: shown } = await versions.find(tenantId, name, version);
        const { description = null, input = null } = data;
        const { yaml, losses } = writeDocument(data);
        return { name, version: shown, description, input, document: yaml, losses };
      },
    }),
  ];
}
