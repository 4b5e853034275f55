import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { EngineError } from '../../base/errors.ts';
import type { SignedHead } from './head.ts';
import { type AuditRow, readHeadLine, readRow } from './line.ts';
import { type Verdict, type VerifyOptions, verifyChain } from './verify.ts';

/** A head is a few hundred bytes. */
const tailBytes = 4_096;
const newline = 0x0a;

/**
 * Verifies an exported file by itself, up to the head at its end: without that, or with bytes behind it, it counts as cut off.
 * @throws INPUT_INVALID when it cannot be read
 */
export async function verifyFile(
  path: string,
  options: Pick<VerifyOptions, 'keys' | 'heads'> = {},
): Promise<Verdict> {
  const head = await readHead(path);
  const { heads = [], keys } = options;
  const tenantId = head?.head.tenantId ?? (await firstTenant(path));
  const known = { ...(keys && { keys }), heads: [...(head ? [head] : []), ...heads] };
  const verdict = await verifyChain(rowsOf(path, head !== null), { tenantId, ...known });
  if (verdict.fault || head) return verdict;
  const message = `The file ends after row ${verdict.seq} without a signed head.`;
  return { ...verdict, fault: { seq: verdict.seq + 1, kind: 'truncated', message } };
}

/** The signed head at the end of an exported file; null where there is none. @throws INPUT_INVALID */
export async function readHead(path: string): Promise<SignedHead | null> {
  const file = await open(path).catch((error: Error) => {
    throw unreadable(path, error);
  });
  try {
    const { size } = await file.stat();
    const length = Math.min(size, tailBytes);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    if (buffer.at(-1) !== newline) return null;
    const text = decoded(buffer.subarray(buffer.lastIndexOf(newline, -2) + 1, -1));
    return text === null ? null : readHeadLine(text);
  } catch (error) {
    throw unreadable(path, error as Error);
  } finally {
    await file.close();
  }
}

/** The rows of a file; null for each line that is none. `hasHead`: its last line is left out. */
async function* rowsOf(path: string, hasHead: boolean): AsyncGenerator<AuditRow | null> {
  let before: Buffer | null = null;
  for await (const line of linesOf(path)) {
    if (before) yield rowOf(before);
    before = line;
  }
  if (before && !hasHead) yield rowOf(before);
}

function rowOf(line: Buffer): AuditRow | null {
  const text = decoded(line);
  return text === null ? null : readRow(text);
}

/** Lines without their ends; what stands behind the last end is a line, too. */
async function* linesOf(path: string): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(path)) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    let from = 0;
    for (let at = rest.indexOf(newline); at !== -1; at = rest.indexOf(newline, from)) {
      yield rest.subarray(from, at);
      from = at + 1;
    }
    rest = rest.subarray(from);
  }
  if (rest.length > 0) yield rest;
}

async function firstTenant(path: string): Promise<number> {
  for await (const line of linesOf(path)) return rowOf(line)?.tenantId ?? 0;
  return 0;
}

function decoded(bytes: Buffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function unreadable(path: string, cause: Error): EngineError {
  return new EngineError('INPUT_INVALID', `'${path}' cannot be read: ${cause.message}`, { cause });
}
