import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { attack } from '../../support/malformed-run.ts';
import { verifies } from '../../support/verifies.ts';
import { problem } from './api.ts';
import { ContractLab } from './contract/lab.ts';

describe('malformed requests', function () {
  this.timeout(180_000);
  let lab: ContractLab;
  const errors: unknown[] = [];

  before(async () => {
    lab = await ContractLab.open({
      requestsPerMinute: 100_000_000,
      onError: (error) => errors.push(error),
    });
  });
  after(async function () {
    await lab.close(this);
  });
  afterEach(async () => {
    assert.deepEqual(errors, []);
    assert.equal((await lab.ask('GET', '/readyz')).status, 200);
  });

  it('are refused by every route that changes something, and break nothing', async () => {
    verifies('R12.input-validation', 'R10.problems');
    const { sent, faults, byStatus } = await attack(lab, {
      ...{ seed: 7, mangled: 2, every: 5, renewals: 2 },
    });

    assert.deepEqual(faults, []);
    assert.ok(sent > 1_000, `${sent} sent`);
    assert.ok((byStatus[400] ?? 0) > sent / 3, JSON.stringify(byStatus));
    assert.equal(({} as { readonly polluted?: unknown }).polluted, undefined);
  });

  it('are refused for a U+0000 in a path or a query, too', async () => {
    for (const path of [
      '/v1/modules/a%00b',
      '/v1/agents/a%00b',
      '/v1/schedules/a%00b',
      '/v1/findings/a%00b',
      '/v1/settings/a%00b',
      '/v1/tenants/a%00b',
      '/v1/runs?workflow=a%00b',
      '/v1/findings?module=a%00b',
      '/v1/audit?action=a%00b',
      '/v1/erp-events?source=a%00b',
    ]) {
      const { status } = await lab.ask('GET', path);
      assert.ok(status < 500, `${path}: ${status}`);
    }
  });

  it('are refused for a number, a day or a cursor that nothing can have', async () => {
    verifies('R12.input-validation');
    const run = lab.ended;
    const none = '-'.repeat(36);
    const paths = ['2147483648', '9007199254740991'].flatMap((number) => [
      `/v1/runs/${run}/steps?cursor=${number}`,
      `/v1/runs/${run}/entries?cursor=${number}`,
      `/v1/workflows/chorus?version=${number}`,
      `/v1/workflows/chorus/diff?from=${number}&to=1`,
      `/v1/agents/custom.x?version=${number}`,
      `/v1/policies/x?version=${number}`,
      `/v1/policies/x/diff?from=1&to=${number}`,
    ]);
    for (const path of [
      ...paths,
      `/v1/entries?cursor=${none}/1`,
      `/v1/findings?cursor=${none}/1`,
      `/v1/findings?run=${run}&cursor=${none}/1`,
    ])
      await problem(await lab.ask('GET', path), 400, 'INPUT_INVALID');
    const version = 2_147_483_648;
    for (const [path, body] of [
      ['/v1/runs', { workflow: 'chorus', version }],
      ['/v1/runs', { workflow: 'chorus', businessDate: '0000-01-01' }],
      ['/v1/plans', { workflow: 'chorus', version }],
      ['/v1/tasks', { text: 'a', businessDate: '0000-01-01' }],
      ['/v1/workflows/chorus/rollback', { to: version }],
      ['/v1/agents/custom.x/rollback', { to: version }],
      ['/v1/policies/x/publish', { version }],
      ['/v1/policies/x/check', { version }],
    ] as const)
      await problem(await lab.ask('POST', path, { body }), 400, 'INPUT_INVALID');
  });

  it('are refused when they are longer or shorter than they say, or say it twice', async () => {
    const body = JSON.stringify({ workflow: 'chorus', input: { values: [] } });
    let answered = 0;
    for (const path of ['/v1/runs', '/v1/budgets/tenant', '/v1/hooks/odoo', '/mcp']) {
      for (const [name, headers, sent] of framings(body)) {
        const said = await speak(
          lab.server.port,
          `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${lab.server.port}\r\nContent-Type: application/json\r\nIdempotency-Key: a\r\n${headers}\r\n${sent}`,
        );
        const statuses = [...said.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status);
        if (statuses.length > 0) answered += 1;
        assert.match(statuses.join(), /^(4\d\d,?)*$/, `${path}, ${name}: ${said}`);
        assert.doesNotMatch(said, /\\n\s+at |node_modules|file:\/\//);
      }
    }
    // A connection that is reset can take its answer with it.
    assert.ok(answered > 40, `${answered} answered`);
  });
});

function framings(body: string): readonly (readonly [string, string, string])[] {
  const length = (of: number | string): string => `Content-Length: ${of}\r\n`;
  const chunked = 'Transfer-Encoding: chunked\r\n';
  return [
    ['shorter', length(body.length - 5), body],
    ['cut off', length(body.length + 5), body],
    ['twice', length(body.length) + length(1), body],
    ['negative', length(-1), body],
    ['no number', length('0x10'), body],
    ['beyond', length('9'.repeat(30)), body],
    ['larger than allowed', length(2_000_000), body],
    ['both', length(body.length) + chunked, `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`],
    ['no chunk', chunked, 'zz\r\n'],
    ['chunk beyond', chunked, `${'f'.repeat(17)}\r\n${body}`],
    ['chunk cut off', chunked, `ff\r\n${body}`],
    ['header of two lines', `X-A: a\r\n b: c\r\n${length(body.length)}`, `${body.slice(1)} `],
    ['header with NUL', `X-A: a\0b\r\n${length(body.length)}`, body],
    ['header without name', `: a\r\n${length(body.length)}`, body],
    ['long header', `X-A: ${'a'.repeat(100_000)}\r\n${length(body.length)}`, body],
  ];
}

/** Says something, says that this is all, and returns the answer until its end. */
async function speak(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let said = '';
  socket.on('error', () => {});
  socket.setEncoding('latin1').on('data', (some: string) => {
    said += some;
  });
  socket.on('end', () => socket.end());
  socket.write(text);
  socket.end();
  await new Promise((resolve) => socket.once('close', resolve));
  return said;
}
