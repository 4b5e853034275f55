import assert from 'node:assert/strict';
import type { Express } from 'express';
import { apiPartsOf } from '../../../../bin/api.ts';
import { policiesOf } from '../../../../bin/parts/policies-of.ts';
import type { Said } from '../../../../core/engine/policies/speaking.ts';
import { createApp, type Listening, listen } from '../../../../core/service/api/app.ts';
import type { OpenApi } from '../../../../core/service/api/openapi/open-api.ts';
import type { ApiParts } from '../../../../core/service/api/parts.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../../support/engine.ts';
import { eventually } from '../../../support/eventually.ts';
import { hookSecrets } from '../../../support/hook-lab.ts';

const config = new URL('../../../support/fixtures/contract.config.ts', import.meta.url);

/** A whole Tutti as a process serves it, with something behind every route. */
export class ContractLab {
  readonly tutti: TestEngine;
  readonly tenantId: number;
  readonly app: Express;
  readonly server: Listening;
  /** A run that has ended, with findings and proposals. */
  readonly ended: string;
  readonly document: OpenApi;
  #keys = 0;

  private constructor(
    made: Pick<ContractLab, 'tutti' | 'tenantId' | 'app' | 'server' | 'ended' | 'document'>,
  ) {
    this.tutti = made.tutti;
    this.tenantId = made.tenantId;
    this.app = made.app;
    this.server = made.server;
    this.ended = made.ended;
    this.document = made.document;
  }

  /** `change` is what its API is made of beside what a process has. */
  static async open(change: Partial<ApiParts> = {}): Promise<ContractLab> {
    const tutti = await openTestEngine(config, { env: hookSecrets });
    const tenantId = await tutti.host.store.tenant('ours');
    const parts = apiPartsOf(tutti.host, tutti.engine, { tenantId, businessDate: '2026-06-30' });
    const app = createApp({ ...parts, requestsPerMinute: 100_000, ...change });
    const server = await listen(app, { port: 0 });
    const values = ['a', 'b', 'c'];
    const { id, status } = await tutti.run('chorus', { tenantId, input: { values } });
    assert.equal(status, 'succeeded');
    const document = await read<OpenApi>(await fetch(`${server.url}/v1/openapi.json`));
    return new ContractLab({ tutti, tenantId, app, server, ended: id, document });
  }

  /** A run that waits to be cancelled. */
  async holding(): Promise<string> {
    const { tenantId, tutti } = this;
    const { id } = await tutti.engine.startRun(requestOf('pause', { tenantId }));
    return id;
  }

  /** A run that somebody has cancelled. */
  async cancelled(): Promise<string> {
    const { tenantId, tutti } = this;
    const runId = await this.holding();
    const actor = { kind: 'person', id: 'contract' } as const;
    await tutti.engine.ask({ tenantId, runId, kind: 'cancel', actor });
    await tutti.engine.whenEnded(runId);
    return runId;
  }

  /** An open question to whoever calls. */
  async question(): Promise<string> {
    const { tenantId, tutti } = this;
    const { id } = await tutti.engine.startRun({
      ...requestOf('ask.one', { tenantId }),
      ...{ attended: true, actor: { kind: 'schedule', id: 'test' } },
    });
    return this.#first(`/v1/approvals?state=open&run=${id}`, 'id');
  }

  /** The key of an effect of which nobody knows whether it happened. */
  async lostEffect(): Promise<string> {
    const { tenantId, tutti } = this;
    this.#keys += 1;
    const input = { to: `lost-${this.#keys}` };
    const { id } = await tutti.engine.startRun(requestOf('write', { tenantId, input }));
    return this.#first(`/v1/effects?state=needs_review&run=${id}`, 'key');
  }

  /** The id of an ERP event that came. */
  async erpEvent(): Promise<string> {
    this.#keys += 1;
    const body = {
      _action: 'changed(#1)',
      _model: 'helpdesk.ticket',
      _id: this.#keys,
      id: this.#keys,
    };
    await this.make(`/v1/hooks/odoo?token=${hookSecrets.ODOO_TOKEN}`, body);
    return this.#first('/v1/erp-events', 'id');
  }

  /** Puts a policy in force, as somebody else than whoever calls. */
  publishAs(person: string, name: string): Promise<Said> {
    const actor = { kind: 'person', id: person } as const;
    return policiesOf(this.tutti.host).publish({ tenantId: this.tenantId, actor }, name);
  }

  /** What a route made, for the routes that are about it. */
  async make(path: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.ask('POST', path, { body });
    const text = await answer.text();
    assert.ok(answer.ok, `${path}: ${text}`);
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  }

  ask(
    method: string,
    path: string,
    send: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Response> {
    this.#keys += 1;
    return fetch(this.server.url + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(method === 'POST' && { 'idempotency-key': `k${this.#keys}` }),
        ...(send.body !== undefined && { 'content-type': 'application/json' }),
        ...send.headers,
      },
      ...(send.body !== undefined && { body: JSON.stringify(send.body) }),
    });
  }

  async close(context?: Mocha.Context): Promise<void> {
    await this.server.close();
    await this.tutti.close(context);
  }

  /** Waits until a list has something, and returns a member of its first item. */
  #first(path: string, member: string): Promise<string> {
    return eventually(async () => {
      const { items } = await read<{ readonly items: readonly Record<string, string>[] }>(
        await this.ask('GET', path),
      );
      return items[0]?.[member] ?? null;
    });
  }
}

async function read<T>(response: Response): Promise<T> {
  return (await response.json()) as T;
}
