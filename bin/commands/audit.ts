import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { EngineError } from '../../core/base/errors.ts';
import { readHead, verifyFile } from '../../core/engine/audit/export-file.ts';
import { keyIdOf } from '../../core/engine/audit/head.ts';
import type { AuditView } from '../../core/engine/audit/log.ts';
import type { Verdict } from '../../core/engine/audit/verify.ts';
import { readAuditKey } from '../../core/ports/audit-key.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { actionIn, wrongUse } from '../arguments.ts';
import { withHost } from '../call-host.ts';
import { hostOptions } from '../call-reading.ts';
import { type Call, type Command, exit } from '../command.ts';
import type { Host } from '../host.ts';
import { withNamedTenant } from '../named-tenant.ts';
import { table } from '../terminal.ts';
import { listed } from '../usages/amounts.ts';

const wrong = wrongUse('audit');

const most = 10_000;

const acts: Readonly<Record<string, (call: Call, file: string | undefined) => Promise<number>>> = {
  list,
  verify,
  export: save,
  key: showKey,
};

/** `tutti audit`: what people and keys have changed, and whether that record is as it was written. */
export const audit: Command = (call) => {
  const [name = 'list', file] = call.args.positionals;
  const act = actionIn('audit', acts, name);
  if (file !== undefined && name !== 'verify') throw wrong(`${name} takes no file like that`);
  return act(call, file);
};

async function list(call: Call): Promise<number> {
  const { args, terminal } = call;
  const limit = args.integer('limit', { from: 1, to: most }) ?? listed.audit;
  const filter = {
    ...{ actor: args.text('actor'), action: args.text('action'), target: args.text('target') },
    ...{ from: momentOf(call, 'from'), to: momentOf(call, 'to'), limit },
  };
  return withChain(call, async (host, tenantId) => {
    const rows = await host.audit.list(tenantId, filter);
    if (terminal.isJson) terminal.print(rows);
    else {
      for (const line of table(rows.map(cellsOf), [0])) terminal.say(line.trimEnd());
      terminal.say(`${countOf(rows.length, 'change')}.`);
    }
    return exit.done;
  });
}

function cellsOf({ seq, at, actor, action, target, data }: AuditView): readonly string[] {
  const told = JSON.stringify(data);
  const what = told === '{}' ? '' : told.length > 120 ? `${told.slice(0, 119)}…` : told;
  return [String(seq), at.slice(0, 19), `${actor.kind} ${actor.id}`, action, target, what];
}

async function verify(call: Call, file: string | undefined): Promise<number> {
  const { args, interrupt } = call;
  const older = args.text('head');
  const head = older === undefined ? null : await readHead(older);
  if (older !== undefined && head === null)
    throw wrong(`verify found no signed head at the end of '${older}'`);
  const heads = head ? [head] : [];
  const given = args.text('key')?.toLowerCase();
  if (file === undefined)
    return withChain(call, async (host, tenantId) =>
      tellVerdict(call, await host.audit.verify(tenantId, { heads, signal: interrupt.signal })),
    );
  const own = given ?? (await readAuditKey(hostOptions(call)))?.publicKey;
  const verdict = await verifyFile(file, { heads, ...(own !== undefined && { keys: [own] }) });
  return tellVerdict(call, verdict, own === undefined ? await readHead(file) : null);
}

/** `anybodys`: a head that no known key vouches for. @throws AUDIT_BROKEN */
function tellVerdict(
  { terminal }: Call,
  verdict: Verdict,
  anybodys: { readonly publicKey: string } | null = null,
): number {
  const { tenantId, rows, heads, fault } = verdict;
  if (terminal.isJson) {
    terminal.print(verdict);
    return fault ? exit.failed : exit.done;
  }
  if (fault)
    throw new EngineError(
      'AUDIT_BROKEN',
      `The audit log of tenant ${tenantId} is broken. ${fault.message}`,
    );
  const signed = countOf(heads, 'signed head');
  terminal.say(
    `${countOf(rows, 'row')} of tenant ${tenantId}, all as they were written; ${signed}.`,
  );
  if (anybodys)
    terminal.say(
      `The head is signed by key ${keyIdOf(anybodys.publicKey)}; compare that with what the installation says: tutti audit key`,
    );
  return exit.done;
}

async function save(call: Call): Promise<number> {
  const { args, terminal, interrupt } = call;
  const path = args.text('to');
  if (path === undefined) throw wrong('export needs --to FILE');
  return withChain(call, async (host, tenantId) => {
    const file = createWriteStream(path, { mode: 0o600, flags: 'wx' });
    await once(file, 'open').catch((error: Error) => {
      throw wrong(`cannot write '${path}': ${error.message}`);
    });
    const lines = host.audit.export(tenantId, { at: new Date(), signal: interrupt.signal });
    try {
      for await (const text of lines) if (!file.write(text)) await once(file, 'drain');
    } finally {
      file.end();
      await once(file, 'close');
    }
    const head = await readHead(path);
    if (terminal.isJson) terminal.print({ path, ...head });
    else
      terminal.say(
        `${path}: ${countOf(head?.head.seq ?? 0, 'row')}, signed by key ${keyIdOf(head?.publicKey ?? '')}. Keep it where nobody who runs Tutti can change it.`,
      );
    return exit.done;
  });
}

async function showKey(call: Call): Promise<number> {
  const key = await readAuditKey(hostOptions(call));
  const { terminal } = call;
  const publicKey = key?.publicKey ?? null;
  const id = publicKey === null ? null : keyIdOf(publicKey);
  if (terminal.isJson) terminal.print({ id, publicKey });
  else if (publicKey === null) terminal.say('There is no key yet; the first export makes it.');
  else terminal.say(`${id}  ${publicKey}`);
  return exit.done;
}

/** Gives the chain that is meant: the installation's, or that of the tenant that other commands show. */
async function withChain(
  call: Call,
  work: (host: Host, tenantId: number) => Promise<number>,
): Promise<number> {
  if (call.args.has('installation')) return withHost(call, (host) => work(host, 0));
  let code: number = exit.done;
  await withNamedTenant(call, async (host, tenantId) => {
    code = await work(host, tenantId);
  });
  return code;
}

function momentOf({ args }: Call, flag: string): Date | undefined {
  const text = args.text(flag);
  if (text === undefined) return undefined;
  const at = new Date(text);
  if (!Number.isNaN(at.getTime())) return at;
  throw wrong(`takes --${flag} as YYYY-MM-DD or RFC 3339, not '${text.slice(0, 50)}'`);
}
