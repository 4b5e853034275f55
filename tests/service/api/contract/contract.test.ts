import assert from 'node:assert/strict';
import type { Operation } from '../../../../core/service/api/openapi/open-api.ts';
import { verifies } from '../../../support/verifies.ts';
import { Checker } from './checker.ts';
import { ContractLab } from './lab.ts';
import { type Needs, needsOf, recipes } from './requests.ts';

interface Served {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

describe('the API answers as it is documented', function () {
  this.timeout(300_000);
  let lab: ContractLab;
  let checker: Checker;
  let operations: readonly Served[];

  before(async () => {
    lab = await ContractLab.open();
    checker = new Checker(lab.document);
    operations = Object.entries(lab.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([each, operation]) => {
        const method = each.toUpperCase();
        return { name: `${method} ${path}`, method, path, operation };
      }),
    );
  });
  after(async function () {
    await lab.close(this);
  });

  const filled = (path: string, { path: parts = {}, query = '' }: Needs): string =>
    path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(parts[name] ?? 'unknown')) + query;

  /** Asks every operation, and returns what is wrong with the answers. */
  async function faultsOf(
    of: readonly Served[],
    ask: (served: Served) => Promise<{ readonly response: Response; readonly statuses: RegExp }>,
  ): Promise<readonly string[]> {
    const all: string[] = [];
    for (const served of of) {
      const { response, statuses } = await ask(served);
      const text = await response.text();
      const faults = checker.faults(served.operation, response, text);
      if (!statuses.test(String(response.status)))
        all.push(`${served.name}: ${response.status} ${text}`);
      else all.push(...faults.map((fault) => `${served.name}: ${fault}`));
    }
    return all;
  }

  it('when it does what it is asked', async () => {
    verifies('R10.docs');
    const faults = await faultsOf(operations, async ({ name, method, path }) => {
      const needs = await needsOf(lab, name);
      const { headers = {} } = needs;
      const send = { headers, ...('body' in needs && { body: needs.body }) };
      return { response: await lab.ask(method, filled(path, needs), send), statuses: /^[23]/ };
    });

    assert.deepEqual(faults, []);
  });

  it('when a page of a stranger asks', async () => {
    const headers = { origin: 'https://evil.example' };
    const counted = operations.filter(({ path }) => !path.startsWith('/v1/hooks/{source}'));
    const faults = await faultsOf(counted, async ({ method, path }) => ({
      response: await lab.ask(method, filled(path, {}), { headers }),
      statuses: /^403$/,
    }));

    assert.deepEqual(faults, []);
  });

  it('when it is asked for what there is not', async () => {
    const ofOne = operations.filter(({ path }) => path.includes('{'));
    const faults = await faultsOf(ofOne, async ({ name, method, path }) => {
      const { body, query = '' } = await needsOf(lab, name);
      const send = body === undefined ? {} : { body };
      const response = await lab.ask(method, filled(path, { query }), send);
      return { response, statuses: /^4(00|04|22)$/ };
    });

    assert.deepEqual(faults, []);
  });

  it('when a body or a query has what nobody knows', async () => {
    const reading = operations.filter(({ operation: { parameters = [], requestBody } }) =>
      requestBody ? true : parameters.some((each) => each.in === 'query'),
    );
    const faults = await faultsOf(reading, async ({ name, method, path, operation }) => {
      const needs = await needsOf(lab, name);
      const send = operation.requestBody ? { body: { surprise: true } } : {};
      const query = operation.requestBody ? '' : '?surprise=true';
      const response = await lab.ask(method, filled(path, { ...needs, query }), send);
      return { response, statuses: /^4/ };
    });

    assert.deepEqual(faults, []);
  });

  it('or this test would notice', async () => {
    const response = await lab.ask('GET', `/v1/runs/${lab.ended}`);
    const run = (await response.json()) as Readonly<Record<string, unknown>>;
    const { operation } = operations.find(({ name }) => name === 'GET /v1/runs/{id}') ?? {};
    const faultsOfBody = (body: object): number =>
      operation ? checker.faults(operation, response, JSON.stringify(body)).length : -1;
    const { summary, ...rest } = run as { readonly summary: object };

    assert.equal(faultsOfBody(run), 0);
    assert.equal(faultsOfBody(rest), 1);
    assert.equal(faultsOfBody({ ...run, surprise: 1 }), 1);
    assert.equal(faultsOfBody({ ...run, summary: { ...summary, surprise: 1 } }), 1);
    assert.equal(faultsOfBody({ ...run, status: 'lost' }), 1);
    assert.equal(faultsOfBody({ ...run, createdAt: 'yesterday' }), 1);
  });

  it('has no recipe of a request for what there is not', () => {
    const names = operations.map(({ name }) => name);

    assert.deepEqual(
      Object.keys(recipes).filter((name) => !names.includes(name)),
      [],
    );
  });
});
