import type { Level } from './levels.ts';
import type { ShadowView } from './shadow-view.ts';

/** Reads what agents may do, and would have done. */
export interface AuthorityViews {
  levels(tenantId: number): Promise<readonly Level[]>;
  shadow(
    tenantId: number,
    options: { readonly runId?: string; readonly limit: number },
  ): Promise<readonly ShadowView[]>;
}
