import assert from 'node:assert/strict';
import type pg from 'pg';
import { Lease } from '../../../core/engine/lease/lease.ts';
import { ModuleLoads } from '../../../core/engine/modules/module-loads.ts';
import { Inbox } from '../../../core/engine/store/inbox.ts';
import { Store } from '../../../core/engine/store/store.ts';
import { requestOf } from '../../support/engine.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const actor = { kind: 'person', id: 'tester' } as const;
const pin = { prompt: '', contract: '' };

describe('a run of a module that was loaded while Tutti runs', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let store: Store;
  let boot: string;
  let loads: ModuleLoads;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 2);
    store = new Store(pool);
    loads = new ModuleLoads(pool);
    const lease = new Lease(pool, 'test');
    await lease.take();
    boot = lease.boot;
  });
  after(function () {
    return fresh.drop(this);
  });

  const submit = async (workflow: string, ...agents: readonly string[]): Promise<string> => {
    const request = requestOf(workflow, { tenantId: 1 });
    const pins = Object.fromEntries(agents.map((name) => [name, pin]));
    return (await store.createRun(request, 1, { declared: { policies: '', agents: pins } })).id;
  };
  /** What is taken up by an engine that has loaded one generation of the module, or none. */
  const taken = async (generation: number | null, configured: readonly string[] = []) => {
    const loaded = generation === null ? [] : [{ name: 'guard', generation }];
    return (await store.claim(boot, 10, { loaded, configured })).map(({ id }) => id);
  };
  const load = (code: string) => loads.load('guard', { version: '1.0.0', code }, actor);

  it('is taken up only by an engine that has it as the table says now', async () => {
    verifies('R3.register-runtime', 'R13.several-engines');
    await load('one');
    const run = await submit('guard_say', 'guard.say');
    const tool = await submit('any', 'tool:guard.word.say');
    const granted = await submit('apply:guard.word.say');
    const other = await submit('guards', 'guards.say');

    assert.deepEqual(await taken(null), [other], 'its last look was before the load');
    await load('two');
    assert.deepEqual(await taken(1), []);
    assert.deepEqual(await taken(2), [run, tool, granted]);
  });

  it('is taken up by nobody once the module goes, but to be cancelled, or where the configuration has it', async () => {
    const [run, doomed] = [
      await submit('guard_say', 'guard.say'),
      await submit('guard_say', 'guard.say'),
    ];
    await loads.unload('guard', actor);
    assert.deepEqual(await taken(2), []);

    await new Inbox(pool).send({
      tenantId: 1,
      runId: doomed,
      kind: 'cancel',
      dedupe: 'cancel',
      actor,
    });

    assert.deepEqual(await taken(null), [doomed]);
    assert.deepEqual(await taken(null, ['guard']), [run]);
  });
});
