import assert from 'node:assert/strict';
import type { Connector } from '../../../core/ports/erp/connector.ts';
import { Sweeps } from '../../../core/service/hooks/sweeps.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { aTold, type HookLab, openHookLab } from '../../support/hook-lab.ts';
import { verifies } from '../../support/verifies.ts';

const never = (): Promise<never> => new Promise(() => {});

describe('an ERP that never answers', () => {
  let lab: HookLab;
  let other: number;

  before(async () => {
    lab = await openHookLab();
    other = await lab.tutti.host.store.tenant('other');
  });
  beforeEach(() =>
    lab.tutti.host.database.pool('tutti_engine', 1).query('DELETE FROM tutti.hook_cursor'),
  );
  after(function () {
    return lab.close(this);
  });

  const pool = () => lab.tutti.host.database.pool('tutti_engine', 2);

  /** Sweeps of two tenants, the first of which has an ERP that never answers. */
  function sweepsOf(entities: readonly string[]) {
    const clock = new FakeClock();
    const asked: string[] = [];
    const signals: AbortSignal[] = [];
    const changes =
      (tenantId: number): Connector['changes'] =>
      async (_cursor, { entities: of, signal }) => {
        asked.push(`${tenantId} ${of.join()}`);
        if (signal) signals.push(signal);
        return tenantId === lab.tenantId ? await never() : { events: [], cursor: '1' };
      };
    const sweeps = new Sweeps({
      ...{ pool: pool(), clock, entities, everyMs: 3_600_000 },
      tenants: async () => [lab.tenantId, other],
      connector: (tenantId) => ({ changes: changes(tenantId) }) as Partial<Connector> as Connector,
      record: async () => ({ recorded: 0, duplicates: 0 }),
    });
    return { sweeps, clock, asked, signals };
  }

  async function cursors(): Promise<readonly string[]> {
    const { rows } = await pool().query<{ line: string }>(
      `SELECT tenant_id || ' ' || entity || ' ' || coalesce(error->>'code', cursor, '-') AS line FROM tutti.hook_cursor ORDER BY tenant_id, entity`,
    );
    return rows.map(({ line }) => line);
  }

  it('keeps no sweep of another tenant waiting, and each of its own for a minute', async () => {
    verifies('R9.erp-events');
    const { sweeps, clock, asked } = sweepsOf(['a', 'b', 'c']);
    const swept = sweeps.sweepDue();
    await eventually(async () => (await cursors()).join().includes(`${other} c 1`));
    assert.deepEqual(
      asked.filter((each) => each.startsWith(`${lab.tenantId} `)),
      [`${lab.tenantId} a`],
    );

    clock.pass(60_000);
    await eventually(() => asked.includes(`${lab.tenantId} c`));
    clock.pass(60_000);

    assert.equal(await swept, 0);
    assert.deepEqual(
      await cursors(),
      ['a', 'b', 'c']
        .flatMap((entity) => `${lab.tenantId} ${entity} ERP_UNAVAILABLE`)
        .concat(['a', 'b', 'c'].map((entity) => `${other} ${entity} 1`)),
    );
  });

  it('keeps no server from starting, and none from being stopped', async () => {
    const { sweeps, clock, asked, signals } = sweepsOf(['a']);
    const started = sweeps.start();
    await eventually(() => asked.length === 2);

    clock.pass(5_000);
    await started;
    await sweeps.close();

    assert.ok(signals.some(({ aborted }) => aborted));
    // Nothing is said against the ERP: it was not waited for.
    assert.ok((await cursors()).every((line) => !line.includes('ERP_UNAVAILABLE')));
  });

  it('keeps no hook of another tenant from starting its run, nor a server from being stopped', async () => {
    verifies('R9.erp-events');
    const asked: string[] = [];
    const silent = {
      query: ({ entity }: { readonly entity: string }) => {
        asked.push(entity);
        return never();
      },
    };
    const firings = lab.firingsWith({
      connector: () => silent as Partial<Connector> as Connector,
    });
    const { id } = await lab.write(null, { code: 'A' });
    await lab.intake.record({ tenantId: lab.tenantId, source: 'erp', events: [aTold(id)] });
    lab.clock.pass(1_000);
    await firings.start();
    lab.clock.pass(0);
    await eventually(() => asked.length > 0);

    await firings.close();

    // It is due again, and its ERP answers by now.
    const before = (await lab.runs()).length;
    await lab.settle(2_000);
    assert.equal((await lab.runs()).length, before + 1);
  });
});
