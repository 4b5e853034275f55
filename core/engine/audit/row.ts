import { createHash } from 'node:crypto';
import { canonicalJson } from '../../base/ids.ts';

/** A row of the audit log as its hash sees it: texts are what is stored, byte for byte. */
export interface AuditText {
  readonly tenantId: number;
  /** 1 for a tenant's first row, and then one more each. */
  readonly seq: number;
  /** UTC with microseconds: `2026-11-21T20:15:00.000000Z`. */
  readonly at: string;
  /** Canonical JSON. */
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  /** Canonical JSON. */
  readonly data: string;
}

/** What stands before the first row of every chain: 32 zeros. */
export const beginning: Buffer = Buffer.alloc(32);

/**
 * SHA-256 over the hash before and the canonical JSON (RFC 8785) of `{action, actor, at, data, seq, target, tenantId}`. Actor and data are
 * put in as the text that they are: it was canonical when it was written, so one byte that has changed in it is another hash. The database
 * does the same as it appends (tutti.append_audit).
 */
export function hashOf(prev: Buffer, row: AuditText): Buffer {
  const { tenantId, seq, at, actor, action, target, data } = row;
  const text = `{"action":${canonicalJson(action)},"actor":${actor},"at":${canonicalJson(at)},"data":${data},"seq":${seq},"target":${canonicalJson(target)},"tenantId":${tenantId}}`;
  return createHash('sha256').update(prev).update(text).digest();
}
