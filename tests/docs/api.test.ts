import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { apiPagePath, apiTable, tableIn } from '../../scripts/api-table.ts';
import { ContractLab } from '../service/api/contract/lab.ts';
import { verifies } from '../support/verifies.ts';

describe('the page on the API', () => {
  const page = readFileSync(apiPagePath, 'utf8');
  let lab: ContractLab;

  before(async () => {
    lab = await ContractLab.open();
  });
  after(async function () {
    await lab.close(this);
  });

  it('says which roles may call which routes', () => {
    assert.deepEqual(tableIn(page).split('\n'), apiTable(lab.document).split('\n'));
  });

  it('names no route that there is not', () => {
    const routes = Object.keys(lab.document.paths).map(
      (path) => new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
    );
    const text = page.replace(tableIn(page), '');
    const named = [...text.matchAll(/\/v1\/[\w\-.:/$]+/g)].map(([path]) =>
      path.replace(/[.,:]+$/, ''),
    );

    assert.ok(named.length > 10);
    assert.deepEqual(
      named.filter((path) => !routes.some((route) => route.test(path))),
      [],
    );
  });

  it('says what serves instead of GraphQL', () => {
    verifies('R10.graphql');
    assert.match(page, /no GraphQL: .*`\/v1\/openapi\.json`/s);
    assert.deepEqual(
      Object.keys(lab.document.paths).filter((path) => /graphql/i.test(path)),
      [],
    );
  });

  it('shows errors as they are', async () => {
    const [, shown = ''] = /```json\n(\{"type":"about:blank"[^`]*)```/.exec(page) ?? [];
    const answer = await lab.ask('GET', '/v1/runs/none');

    assert.deepEqual(JSON.parse(shown), await answer.json());
  });
});
