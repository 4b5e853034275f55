import { z } from 'zod';
import { canonicalJson } from '../../base/ids.ts';
import type { SignedHead } from './head.ts';
import type { AuditText } from './row.ts';

/** A row with its place in the chain. */
export interface AuditRow extends AuditText {
  readonly prev: Buffer;
  readonly hash: Buffer;
}

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const rowLine = z.strictObject({
  action: z.string(),
  actor: z.record(z.string(), z.unknown()),
  at: z.string(),
  data: z.record(z.string(), z.unknown()),
  hash: digest,
  prev: digest,
  seq: z.number(),
  target: z.string(),
  tenantId: z.number(),
});
const headLine = z.strictObject({
  head: z.strictObject({
    at: z.string(),
    hash: digest,
    seq: z.int().min(0),
    tenantId: z.int().min(0),
  }),
  publicKey: z.string().regex(/^([0-9a-f]{2})+$/),
  signature: z.string().regex(/^[0-9a-f]{128}$/),
});

/** A row as a line of an export, without the end of the line: canonical JSON. */
export function lineOf(row: AuditRow): string {
  const { action, actor, at, data, hash, prev, seq, target, tenantId } = row;
  const text = canonicalJson;
  return `{"action":${text(action)},"actor":${actor},"at":${text(at)},"data":${data},"hash":"${hash.toString('hex')}","prev":"${prev.toString('hex')}","seq":${seq},"target":${text(target)},"tenantId":${tenantId}}`;
}

/** The row of a line; null where not every byte is as `lineOf` writes it. */
export function readRow(line: string): AuditRow | null {
  const read = parsed(rowLine, line);
  return (
    read && {
      ...read,
      actor: canonicalJson(read.actor),
      data: canonicalJson(read.data),
      prev: Buffer.from(read.prev, 'hex'),
      hash: Buffer.from(read.hash, 'hex'),
    }
  );
}

/** A signed head as the last line of an export. */
export function headLineOf(head: SignedHead): string {
  return canonicalJson(head);
}

/** The head of a line; null where not every byte is as `headLineOf` writes it. */
export function readHeadLine(line: string): SignedHead | null {
  return parsed(headLine, line);
}

function parsed<S extends z.ZodType>(schema: S, line: string): z.output<S> | null {
  try {
    const read = schema.safeParse(JSON.parse(line));
    return read.success && canonicalJson(read.data) === line ? read.data : null;
  } catch {
    return null;
  }
}
