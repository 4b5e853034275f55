import type { Level } from './levels.ts';
import type { ShadowFilter, ShadowView } from './shadow-view.ts';

/** Reads what agents may do, and would have done. */
export interface AuthorityViews {
  levels(tenantId: number): Promise<readonly Level[]>;
  shadow(tenantId: number, filter: ShadowFilter): Promise<readonly ShadowView[]>;
}
