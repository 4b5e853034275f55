import { toStorableJson } from '../base/text.ts';
import { targetOf } from './effects.ts';
import type { Call } from './scope.ts';

/** What a call in the shadow would have been done with, as it is stored: its arguments, and the version that its target had. */
export interface ShadowBody {
  readonly args: unknown;
  readonly version: string | null;
}

/** @throws what the ERP throws */
export async function shadowBody({ tool, scope }: Call, args: unknown): Promise<string> {
  const target = targetOf(tool, args);
  const page = target
    ? await scope.connector.query({
        entity: target.entity,
        filter: { id: { eq: target.id } },
        limit: 1,
      })
    : null;
  const body: ShadowBody = { args, version: page?.rows[0]?.version ?? null };
  return toStorableJson(body);
}
