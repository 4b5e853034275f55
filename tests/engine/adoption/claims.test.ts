import assert from 'node:assert/strict';
import { ChaosProxy } from '../../support/chaos-proxy.ts';
import { openTestEngine, requestOf } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { type FreshDatabase, freshDatabase, testServer } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const lab = new URL('../../support/fixtures/lab.config.ts', import.meta.url);
const quick = requestOf('lab.quick', { tenantId: 1, input: { items: [{ id: 'a' }] } });
/** The key of an advisory lock that holds claims back in the middle. */
const gate = 8_150_023;

describe('a claim whose answer is lost', function () {
  this.timeout(60_000);
  let fresh: FreshDatabase;

  before(async () => {
    fresh = await freshDatabase();
    await fresh.database.admin((client) =>
      client.query(`CREATE FUNCTION tutti.gate() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN PERFORM pg_advisory_xact_lock_shared(${gate}); RETURN NEW; END $$;
        CREATE TRIGGER gate BEFORE UPDATE OF owner ON tutti.run FOR EACH ROW
          WHEN (OLD.owner IS NULL AND NEW.owner IS NOT NULL) EXECUTE FUNCTION tutti.gate()`),
    );
  });
  after(function () {
    return fresh.drop(this as unknown as Mocha.Context);
  });

  it('loses no run: what the database gave its engine is taken up', async () => {
    verifies('R8.crash');
    await using proxy = await ChaosProxy.open((await testServer()).server.connection);
    const tutti = await openTestEngine(lab, {
      fresh: { ...fresh, url: wayThrough(proxy, fresh.url), drop: async () => {} },
    });
    const keeper = await fresh.database.connect('tutti_engine');
    try {
      await keeper.query('SELECT pg_advisory_lock($1)', [gate]);
      const submitted = tutti.engine.startRun(quick);
      await eventually(async () => {
        const { rowCount } = await keeper.query(
          `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted`,
          [gate],
        );
        return rowCount === 1;
      });

      proxy.drop();
      const { id } = await submitted;
      await keeper.query('SELECT pg_advisory_unlock($1)', [gate]);

      assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
      assert.equal(tutti.failure, null);
    } finally {
      await keeper.end();
      await tutti.close();
    }
  });
});

function wayThrough({ connection: { host, port } }: ChaosProxy, to: string): string {
  const url = new URL(to);
  url.searchParams.delete('host');
  url.hostname = String(host);
  url.port = String(port);
  return String(url);
}
