import assert from 'node:assert/strict';
import { apiPartsOf } from '../../../bin/api.ts';
import { consoleOf } from '../../../bin/parts/console-of.ts';
import { verifies } from '../../support/verifies.ts';
import { openApi, problem, rawGet, type TestApi } from '../api/api.ts';

describe('/console', function () {
  this.timeout(180_000);
  let api: TestApi;
  let bare: TestApi;

  before(async () => {
    api = await openApi(() => ({ console: consoleOf(), api: { keysOnly: true } }));
    bare = await openApi();
  });
  after(async function () {
    await api.close(this);
    await bare.close(this);
  });

  const page = async (): Promise<string> => await (await api.get('/console/')).text();
  const namesIn = (text: string): readonly string[] =>
    [...text.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)].map(([, name = '']) => name);

  it('gives its page to everybody, which may load its own files and nothing else', async () => {
    verifies('R11.dashboard');
    const response = await api.get('/console/');
    const text = await response.text();

    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
    assert.equal(response.headers.get('cache-control'), 'no-cache');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    const policy = response.headers.get('content-security-policy') ?? '';
    const rules = new Map(
      policy.split('; ').map((rule) => rule.split(/ (.*)/s) as [string, string]),
    );
    assert.deepEqual(
      ['default-src', 'script-src', 'style-src', 'connect-src'].map((name) => rules.get(name)),
      ["'none'", "'self'", "'self'", "'self'"],
    );
    assert.ok(rules.has('require-trusted-types-for') && !policy.includes('unsafe'));
    assert.doesNotMatch(text, /<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?:/);
    assert.deepEqual(
      namesIn(text).map((name) => name.slice(name.lastIndexOf('.'))),
      ['.svg', '.txt', '.css', '.js'],
    );
  });

  it('leads to the page from its name without the slash', async () => {
    const response = await api.get('/console');

    assert.deepEqual([response.status, response.headers.get('location')], [308, 'console/']);
  });

  it('gives its files by their types, to be kept for good, the same names for the same files', async () => {
    verifies('R11.dashboard');
    const names = namesIn(await page());
    const types: (string | null)[] = [];
    for (const name of names) {
      const response = await api.get(`/console/${name}`);
      types.push(response.headers.get('content-type'));
      assert.equal(response.status, 200);
      assert.match(name, /-[A-Z0-9]{8}\.\w+$/);
      assert.equal(response.headers.get('cache-control'), 'public, max-age=31536000, immutable');
      assert.ok((await response.arrayBuffer()).byteLength > 100);
    }

    assert.deepEqual(types, [
      'image/svg+xml',
      'text/plain; charset=utf-8',
      'text/css; charset=utf-8',
      'text/javascript; charset=utf-8',
    ]);
    assert.deepEqual(namesIn(await page()), names);
  });

  it('brings the licences of what is in the script', async () => {
    const name = namesIn(await page()).find((each) => each.endsWith('.txt'));
    const text = await (await api.get(`/console/${name}`)).text();

    for (const name of ['react', 'react-dom', 'scheduler'])
      assert.match(text, new RegExp(`^${name}$[^]*MIT License`, 'm'));
  });

  it('has nothing else, however a path is written', async () => {
    verifies('R11.dashboard', 'R12.paths');
    for (const path of [
      ...['assets/none.js', 'assets/', 'assets', 'console.tsx', 'runs', 'assets/package.json'],
      ...['assets/..%2f..%2fpackage.json', 'assets/%2e%2e/%2e%2e/package.json', 'assets/..'],
    ])
      assert.notEqual((await rawGet(api.server, `/console/${path}`, {})).statusCode, 200, path);
    await problem(await api.get('/console/assets/none.js'), 404, 'ROUTE_UNKNOWN');
  });

  it('is not there where it is not served', async () => {
    await problem(await bare.get('/console/'), 404, 'ROUTE_UNKNOWN');
    const { host, engine } = bare.tutti;
    const without = { ...host.config, features: { console: false } };
    const called = { tenantId: bare.tenantId, businessDate: '2026-06-30' };
    const off = Object.create(host, { config: { value: without } });
    assert.equal(apiPartsOf(off, engine, called).console, undefined);
    assert.ok(apiPartsOf(host, engine, called).console);
    assert.ok(!(await (await bare.get('/')).text()).includes('/console/'));
    assert.ok((await (await api.get('/')).text()).includes('/console/'));
  });
});
