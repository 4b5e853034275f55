import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { apiPartsOf } from '../../../bin/api.ts';
import { verifyFile } from '../../../core/engine/audit/export-file.ts';
import type { AuditView } from '../../../core/engine/audit/log.ts';
import type { Verdict } from '../../../core/engine/audit/verify.ts';
import { type ApiParts, createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import type { CompleteParts } from '../../../core/service/api/parts.ts';
import { routesOf } from '../../../core/service/api/routes.ts';
import { tamper } from '../../support/audit.ts';
import { auditedRoutes } from '../../support/audited-routes.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { queryAll } from '../../support/rows.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { heldElsewhere, withoutRow } from '../../support/unaudited-routes.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

const config = new URL('../../support/fixtures/echo.config.ts', import.meta.url);
const key = 'MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f';

/** The id of what an answer shows. */
function idIn(text: string): string | undefined {
  const answer = text.startsWith('{') ? JSON.parse(text) : {};
  const nouns = [answer, ...Object.values(answer)] as { readonly id?: unknown }[];
  return nouns.map((each) => each?.id).find((id) => typeof id === 'string') as string | undefined;
}

interface Page {
  readonly items: readonly AuditView[];
  readonly next: string | null;
}

describe('the audit log over HTTP', () => {
  let tutti: TestEngine;
  let parts: ApiParts;
  let server: Listening;
  let tenantId: number;
  const folder = scratchFolder({});
  before(async () => {
    tutti = await openTestEngine(config, { env: { TUTTI_AUDIT_KEY: key } });
    tenantId = await tutti.host.store.tenant('ours');
    parts = apiPartsOf(tutti.host, tutti.engine, { tenantId, businessDate: '2026-06-30' });
    server = await listen(createApp(parts), { port: 0 });
  });
  after(async function () {
    folder[Symbol.dispose]();
    await server.close();
    await tutti.close(this);
  });

  const get = (path: string) => fetch(`${server.url}/v1/audit${path}`);
  let keys = 0;
  const send = (method: string, path: string, body?: unknown) =>
    fetch(server.url + path, {
      method: method.toUpperCase(),
      headers: { 'idempotency-key': `k${++keys}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });

  const rows = () =>
    queryAll<{ action: string; actor: { id: string } }>(
      tutti.host.database,
      'SELECT action, actor FROM tutti.audit ORDER BY at, seq',
    );

  /** Of what the last step has made. */
  let made = '';
  const steps = () =>
    auditedRoutes({
      server: server.url,
      send,
      made: () => made,
      ended: (run) => tutti.engine.whenEnded(run),
    });

  it('has one row of every change, of whoever made it', async () => {
    verifies('R12.audit');
    for (const { route, action, ask } of steps()) {
      const [method = '', pattern = ''] = route.split(' ');
      const { path = pattern.replace(':id', made), body } = (await ask?.()) ?? {};
      const before = await rows();
      const response = await send(method, path, body);
      const text = await response.text();

      assert.ok(response.ok, `${route}: ${response.status} ${text}`);
      made = idIn(text) ?? made;
      const added = (await rows()).slice(before.length);
      assert.deepEqual(
        added.map((row) => `${row.action} ${row.actor.id}`),
        action.split(', ').map((each) => `${each} local`),
        route,
      );
    }
    assert.equal((await json<Verdict>(await get('/verify'))).fault, null);
  });

  it('forgets no route that changes something', () => {
    const all = routesOf({ ...parts, closing: AbortSignal.abort() } as unknown as CompleteParts)
      .filter(({ method }) => method !== 'get')
      .map(({ method, path }) => `${method} ${path}`);
    const known = [
      ...steps().map(({ route }) => route),
      ...Object.keys({ ...withoutRow, ...heldElsewhere }),
    ];

    assert.deepEqual(
      all.filter((route) => !known.includes(route)),
      [],
      'Give each a step in tests/support/audited-routes.ts, or say in which test it is held to its row.',
    );
  });

  it('is listed by who, what and when, page by page', async () => {
    const first = await json<Page>(await get('?limit=2&action=run.*'));
    const second = await json<Page>(await get(`?limit=2&action=run.*&cursor=${first.next}`));
    const nobodys = await json<Page>(await get('?actor=nobody'));
    const later = await json<Page>(await get('?from=2999-01-01'));
    const own = await json<Page>(await get('?of=installation&action=tenant.*'));

    const seqs = [...first.items, ...second.items].map(({ seq }) => seq);
    assert.deepEqual(
      seqs,
      seqs.toSorted((a, b) => b - a),
    );
    assert.equal(new Set(seqs).size, 4);
    assert.deepEqual([nobodys.items, later.items, nobodys.next], [[], [], null]);
    assert.deepEqual(
      own.items.map(({ action, target }) => `${action} ${target}`),
      ['tenant.resume theirs', 'tenant.suspend theirs', 'tenant.create theirs'],
    );
    await problem(await get('?limit=0'), 400, 'INPUT_INVALID');
  });

  it('is streamed with a head that verifies, and shows what is done to it', async () => {
    verifies('R12.audit');
    const response = await get('/export');
    const path = join(folder.path, 'audit.jsonl');
    writeFileSync(path, await response.text());
    const publicKey = (await tutti.host.audit.publicKey()) as string;

    assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
    const verdict = await verifyFile(path, { keys: [publicKey] });
    assert.deepEqual([verdict.fault, verdict.tenantId, verdict.heads], [null, tenantId, 1]);

    await tutti.host.database.admin((client) =>
      tamper(client, `UPDATE tutti.audit SET target = 'x' WHERE tenant_id = $1 AND seq = 5`, [
        tenantId,
      ]),
    );
    const found = await json<Verdict>(await get('/verify'));
    assert.deepEqual([found.fault?.kind, found.fault?.seq], ['edited', 5]);
    await problem(await get('/export'), 500, 'AUDIT_BROKEN');
  });

  it('is not for those who may see some modules or companies only', async () => {
    const narrow = await send('post', '/v1/keys', {
      ...{ name: 'narrow', roles: ['tenant_admin'], modules: ['echo'] },
    });
    const wide = await send('post', '/v1/keys', { name: 'wide', roles: ['tenant_admin'] });
    const [few, all] = await Promise.all(
      [narrow, wide].map((each) => json<{ secret: string }>(each)),
    );
    const as = (key: string | undefined, path: string) =>
      fetch(`${server.url}/v1/audit${path}`, { headers: { authorization: `Bearer ${key}` } });

    assert.equal((await as(all?.secret, '')).status, 200);
    await problem(await as(all?.secret, '?of=installation'), 403, 'PERMISSION_DENIED');
    for (const path of ['', '/verify', '/export'])
      await problem(await as(few?.secret, path), 403, 'PERMISSION_DENIED');
  });
});
