import assert from 'node:assert/strict';
import { newId } from '../../../core/base/ids.ts';
import { Approvals } from '../../../core/engine/approvals/approvals.ts';
import type { DelegationView } from '../../../core/engine/approvals/delegations.ts';
import type { ApprovalView } from '../../../core/engine/approvals/view.ts';
import type { RunFacts } from '../../../core/engine/run/facts.ts';
import { verifies } from '../../support/verifies.ts';
import { type ServedApi, serveHere } from '../identity/served.ts';
import { json, problem } from './api.ts';

const path = '/v1/delegations';

describe('/v1/delegations', () => {
  let until: string;
  let served: ServedApi;
  /** Keys, by who calls with them. */
  let keys: Readonly<Record<'anna' | 'ben' | 'viewer' | 'admin' | 'nobody', string>>;

  before(async () => {
    served = await serveHere();
    until = new Date(Date.now() + 3_600_000).toISOString();
    const { ours } = served;
    const key = (role: 'approver' | 'viewer' | 'tenant_admin', person: string | null) =>
      served.key(ours, [role], { person });
    keys = {
      anna: await key('approver', 'anna'),
      ben: await key('approver', 'ben'),
      viewer: await key('viewer', 'vera'),
      admin: await key('tenant_admin', 'ada'),
      nobody: await key('approver', null),
    };
  });
  afterEach(() => pool().query('UPDATE tutti.delegation SET ended_at = now()'));
  after(function () {
    return served.close(this);
  });

  const pool = () => served.tutti.host.database.pool('tutti_engine', 1);
  /** `asked`: method and path. */
  const send = (asked: string, who: keyof typeof keys, body?: object) =>
    served.ask(asked.slice(asked.indexOf(' ') + 1), keys[who], {
      method: asked.split(' ', 1)[0] as string,
      headers: { 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
  const hand = (who: keyof typeof keys, body: object) => send(`POST ${path}`, who, body);
  const handed = async (who: keyof typeof keys, body: object): Promise<DelegationView> => {
    const response = await hand(who, body);
    assert.equal(response.status, 201, await response.clone().text());
    return json<DelegationView>(response);
  };
  const listed = async () => {
    const { items } = await json<{ readonly items: readonly DelegationView[] }>(
      await send(`GET ${path}`, 'viewer'),
    );
    return items.map(({ from, to }) => `${from} to ${to}`);
  };
  const audited = async () => {
    const { rows } = await pool().query<{ told: string }>(
      `SELECT action || ' ' || target || ' ' || (actor->>'kind') AS told FROM tutti.audit
       WHERE tenant_id = $1 AND action LIKE 'delegation.%' ORDER BY seq DESC LIMIT 1`,
      [served.ours],
    );
    return rows[0]?.told;
  };

  it('lets somebody else decide for whoever calls, until it is ended', async () => {
    verifies('R12.approvals');
    const facts = { tenantId: served.ours, id: newId(), actor: { kind: 'schedule', id: 'night' } };
    const { id } = await new Approvals(pool()).ask(facts as unknown as RunFacts, {
      ...{ step: 1, path: 'ask', title: 'Go?', shown: {}, by: ['anna'], required: 1 },
      expiresMs: 3_600_000,
    });
    const decide = () => send(`POST /v1/approvals/${id}/decision`, 'ben', { decision: 'granted' });
    await problem(await decide(), 403, 'APPROVAL_NOT_YOURS');

    const made = await handed('anna', { to: 'Ben', until });

    assert.deepEqual([made.from, made.to, String(made.until)], ['anna', 'ben', until]);
    assert.equal(await audited(), 'delegation.hand anna key');
    assert.deepEqual(await json(await send(`GET ${path}/${made.id}`, 'ben')), made);
    const { votes } = await json<ApprovalView>(await decide());
    assert.deepEqual([votes[0]?.person, votes[0]?.onBehalfOf], ['ben', 'anna']);

    assert.equal((await send(`DELETE ${path}/${made.id}`, 'anna')).status, 200);
    assert.equal(await audited(), 'delegation.end anna key');
    assert.deepEqual(await listed(), []);
    await problem(await send(`DELETE ${path}/${made.id}`, 'anna'), 404, 'DELEGATION_UNKNOWN');
    await problem(await send(`GET ${path}/${made.id}`, 'anna'), 404, 'DELEGATION_UNKNOWN');
  });

  it('lets nobody hand on what is somebody else’s, but an administrator, and not to themself', async () => {
    verifies('R12.approvals');
    await problem(await hand('ben', { from: 'anna', to: 'ben', until }), 403, 'PERMISSION_DENIED');
    await problem(await hand('ben', { from: 'anna', to: 'carl', until }), 403, 'PERMISSION_DENIED');
    await problem(await hand('nobody', { to: 'carl', until }), 403, 'PERMISSION_DENIED');
    await problem(await hand('viewer', { to: 'carl', until }), 403, 'PERMISSION_DENIED');
    const toThemself = { from: 'anna', to: 'ADA', until };
    await problem(await hand('admin', toThemself), 403, 'PERMISSION_DENIED');
    assert.deepEqual(await listed(), []);

    await handed('admin', { from: 'anna', to: 'carl', until });
    await handed('anna', { from: 'cli:Anna', to: 'ben', until });

    assert.deepEqual((await listed()).toSorted(), ['anna to ben', 'anna to carl']);
  });

  it('is handed on by no key that does not reach all that it would be used for', async () => {
    verifies('R12.approvals', 'R12.rbac');
    for (const bounds of [{ modules: ['hr'] }, { companies: ['DE01'] }]) {
      const key = await served.key(served.ours, ['approver'], { person: 'anna', ...bounds });
      const response = await served.ask(path, key, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ to: 'mallory', until }),
      });
      await problem(response, 403, 'PERMISSION_DENIED');
    }
    assert.deepEqual(await listed(), []);
  });

  it('is ended by who gave it, who has it and an administrator, and by nobody else', async () => {
    for (const [who, status] of [
      ['nobody', 403],
      ['ben', 200],
      ['admin', 200],
    ] as const) {
      const { id } = await handed('anna', { to: 'ben', until });
      assert.equal((await send(`DELETE ${path}/${id}`, who)).status, status, who);
    }
    const { id } = await handed('anna', { to: 'carl', until });
    await problem(await send(`DELETE ${path}/${id}`, 'ben'), 403, 'PERMISSION_DENIED');
  });

  it('refuses what cannot hold', async () => {
    verifies('R10.problems');
    for (const body of [
      { to: 'anna', until },
      { to: 'ben', until: '2020-01-01T00:00:00Z' },
      { to: 'ben', until: '2126-07-31' },
      { to: 'ben' },
      { to: 'be\u200bn', until },
    ])
      await problem(await hand('anna', body), 400, 'INPUT_INVALID');
    assert.deepEqual(await listed(), []);
  });
});
