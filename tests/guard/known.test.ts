import assert from 'node:assert/strict';
import { defineTool, Id, z } from 'tutti';
import { invoke, type StepScope } from '../../core/guard/invoke.ts';
import type { Connector, Query } from '../../core/ports/erp/connector.ts';
import { Freshness } from '../../core/ports/erp/freshness.ts';
import { KnownReads } from '../../core/ports/erp/known-reads.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { FakeClock } from '../support/fixtures/clock.ts';
import { verifies } from '../support/verifies.ts';
import { aConnector, aScope, hold, holdDeclaration } from './lab.ts';

const crateNamed = z.object({ crate: Id('crate') });
const see = defineTool({
  name: 'lab.crate.see',
  description: 'Says whether a crate is held.',
  effect: 'read',
  parameters: crateNamed,
  result: z.object({ held: z.boolean() }),
}).handler(async ({ crate }, { erp }) => ({ held: (await erp.crate.get(crate)).held }));

const c0 = { crate: 'c0' };
const holdC0 = { ...c0, reason: 'late' };

/** A step whose crates may be a minute old, and what it asks its ERP. */
function aStep(tools: readonly AnyTool[], options: Parameters<typeof aScope>[1] = {}) {
  const erp = aConnector();
  const queries: Query[] = [];
  const connector: Connector = {
    ...erp,
    query(query, ...rest) {
      queries.push(query);
      return erp.query(query, ...rest);
    },
  };
  const known = new KnownReads({
    secondsOf: () => 60,
    freshness: new Freshness(),
    clock: new FakeClock(),
    maxBytes: 1_000_000,
  });
  const { scope, record } = aScope(tools, { connector, ...options });
  const knowing: StepScope = {
    ...scope,
    known: known.of({ tenantId: 1, runId: scope.runId, company: 'DE01' }),
  };
  let holds = 0;
  return {
    scope: knowing,
    record,
    queries,
    /** Holds the crate as somebody else would: nobody here is told. */
    holdElsewhere: () =>
      erp.apply(
        { op: 'act', entity: 'crate', id: 'c0', action: 'hold', data: {} },
        { key: `elsewhere ${holds++}` },
      ),
  };
}

async function seen(scope: StepScope): Promise<unknown> {
  const brought = await invoke(see, c0, scope);
  return brought.kind === 'result' ? brought.value : brought;
}

describe('what a run has read a moment ago', () => {
  it('answers tools that only read, takes no place of the ERP and stands in the journal', async () => {
    verifies('R9.caching');
    let entered = 0;
    const enter: StepScope['enter'] = (side) => {
      if (side === 'erp') entered += 1;
      return null;
    };
    const { scope, record, queries } = aStep([see], { enter });

    const answers = [await seen(scope), await seen(scope)];

    assert.deepEqual(answers, [{ held: false }, { held: false }]);
    assert.deepEqual([queries.length, entered], [1, 1]);
    const told = record.entries.map(({ data }) => [data.records, data.knownReads, data.knownMs]);
    assert.deepEqual(told, [
      [1, undefined, undefined],
      [1, 1, 0],
    ]);
    assert.equal(scope.label.trust, 'erp');
  });

  it('is not what the run sees after a write of its own', async () => {
    verifies('R9.caching');
    const { scope } = aStep([see, hold], { act: true });
    await seen(scope);

    await invoke(hold, holdC0, scope);

    assert.deepEqual(await seen(scope), { held: true });
  });

  it('is forgotten by a write that the ERP refuses, for it may have changed', async () => {
    verifies('R9.caching');
    const { scope, holdElsewhere } = aStep([see, hold], { act: true });
    await seen(scope);
    await holdElsewhere();
    assert.deepEqual(await seen(scope), { held: false });

    const refused = await invoke(hold, holdC0, scope);

    assert.equal(refused.kind === 'error' && refused.error.code, 'ERP_REJECTED');
    assert.deepEqual(await seen(scope), { held: true });
  });

  it('is forgotten by an effect that leaves by another way: it may lead to the ERP', async () => {
    const call = defineTool({
      ...holdDeclaration,
      name: 'lab.crate.call',
      effect: 'send',
      outside: ['http'],
      binds: () => [],
    }).handler(async (_args, { http }) => {
      await http.request({ method: 'POST', url: 'https://erp.example/hold' });
      return { version: '2' };
    });
    const { scope, holdElsewhere } = aStep([see, call], { act: true });
    const http = {
      request: async () => {
        await holdElsewhere();
        return { status: 200, headers: {}, body: '' };
      },
    };
    const outside: StepScope['outside'] = (signal) => ({ ...scope.outside(signal), http }) as never;
    await seen(scope);

    const called = await invoke(call, holdC0, { ...scope, outside });

    assert.equal(
      called.kind === 'effected' && called.value.kind,
      'applied',
      JSON.stringify(called),
    );
    assert.deepEqual(await seen(scope), { held: true });
  });

  describe('decides no write:', () => {
    it('people are shown the record as it is', async () => {
      verifies('R9.caching');
      const { scope, record, holdElsewhere } = aStep([see, hold]);
      await seen(scope);
      await holdElsewhere();

      await invoke(hold, holdC0, scope);

      const [effect] = record.effects.values();
      assert.deepEqual(effect?.intent.binds, { version: '2', held: true });
    });

    it('the handler of an effect reads the ERP itself', async () => {
      verifies('R9.caching');
      const saw: boolean[] = [];
      const look = defineTool({ ...holdDeclaration, name: 'lab.crate.look' }).handler(
        async ({ crate }, { erp }) => {
          saw.push((await erp.crate.get(crate)).held);
          return { version: '1' };
        },
      );
      const { scope, holdElsewhere } = aStep([see, look], { act: true });
      await seen(scope);
      await holdElsewhere();

      await invoke(look, holdC0, scope);

      assert.deepEqual(saw, [true]);
    });

    it('what a tool is asked beside its call, and the search for a lost effect, read it, too', async () => {
      verifies('R9.caching');
      const saw: [string, boolean][] = [];
      const asked = defineTool({
        ...holdDeclaration,
        name: 'lab.crate.asked',
        posts: async ({ crate }, { erp }) => {
          saw.push(['posts', (await erp.crate.get(crate)).held]);
          return null;
        },
        lookUp: async ({ crate }, { erp }) => {
          saw.push(['lookUp', (await erp.crate.get(crate)).held]);
          return { version: '1' };
        },
      }).handler(async () => {
        throw new Error('nobody knows');
      });
      const { scope, holdElsewhere } = aStep([see, asked], { act: true });
      await seen(scope);
      await invoke(asked, holdC0, scope);
      await holdElsewhere();

      await invoke(asked, holdC0, scope);

      assert.deepEqual(saw, [
        ['posts', false],
        ['posts', true],
        ['lookUp', true],
      ]);
    });
  });
});
