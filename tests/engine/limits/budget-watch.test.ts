import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BudgetWatch } from '../../../core/engine/limits/budget-watch.ts';
import { purseName } from '../../../core/engine/limits/purse.ts';
import type { PurseState } from '../../../core/engine/limits/warnings.ts';
import { eventually } from '../../support/eventually.ts';
import { LedgerRows } from '../../support/ledger.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';

const period = '2026-06-30';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** A run that pays. */
interface Payer {
  readonly name: string;
}

describe('the watch over budgets', () => {
  let fresh: FreshDatabase;
  let rows: LedgerRows;

  before(async () => {
    fresh = await freshDatabase();
    rows = new LedgerRows(fresh.database);
  });
  after(function () {
    return fresh.drop(this);
  });

  /** Runs that live, by name. */
  const payers = new Map<string, Payer>();
  const payerOf = (name: string): Payer => {
    const payer = payers.get(name) ?? { name };
    payers.set(name, payer);
    return payer;
  };

  /** An engine's watch, what is in its memory, and what it has told. */
  function aWatch() {
    const purses = new Map<string, PurseState>();
    const told: string[] = [];
    let looks = 0;
    const watch = new BudgetWatch<Payer>({
      database: fresh.database,
      warnAt: undefined,
      stateOf: (name) => {
        looks += 1;
        return purses.get(name) ?? null;
      },
      tell: ({ name }, { scope, share }) => {
        if (name !== 'ended') told.push(`${name} ${scope} ${share}`);
        return name !== 'ended';
      },
    });
    const look = (payer: string, names: readonly string[]) => watch.look(payerOf(payer), names);
    return { watch, look, told, purses, looks: () => looks };
  }

  const holding = (settledMicroUsd: number): PurseState => ({
    ...{ limitMicroUsd: 100, reservedMicroUsd: 0, settledMicroUsd },
  });

  async function aPurse(tenant: string, settled: number): Promise<string> {
    const purse = { tenantId: await rows.tenant(tenant), scope: 'tenant', period };
    await rows.purse({ ...purse, limit: 100, settled });
    return purseName(purse);
  }

  it('tells the run that passed the mark, once over all engines and their next lives', async () => {
    const name = await aPurse('once', 85);
    const engines = [aWatch(), aWatch(), aWatch()];
    for (const { purses } of engines) purses.set(name, holding(85));

    for (const [index, { look }] of engines.entries())
      for (let times = 0; times < 3; times += 1) look(`run-${index}`, [name, 'run:1']);
    await eventually(() => engines.some(({ told }) => told.length > 0));
    await Promise.all(engines.map(({ watch }) => watch.sweep()));

    const told = engines.flatMap((engine) => engine.told);
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /^run-[012] tenant 0\.85$/);
  });

  it('finds what engines have spent together, and tells whoever paid last', async () => {
    const name = await aPurse('together', 90);
    const { watch, look, told, purses } = aWatch();
    purses.set(name, holding(45));
    look('early', [name]);
    look('late', [name]);
    assert.deepEqual(told, []);

    await watch.sweep();
    await watch.sweep();

    assert.deepEqual(told, ['late tenant 0.9']);
    purses.set(name, holding(95));
    look('later', [name]);
    await watch.sweep();
    assert.deepEqual(told, ['late tenant 0.9']);
  });

  it('tells the next that pays when the run that passed the mark has ended', async () => {
    const name = await aPurse('ended', 85);
    const { look, told, purses } = aWatch();
    purses.set(name, holding(85));
    look('ended', [name]);

    await eventually(() => {
      look('next', [name]);
      return told.length > 0;
    });
    look('last', [name]);

    assert.deepEqual(told, ['next tenant 0.85']);
  });

  it('keeps no run that has ended, and tells the next that pays what was found out after it', async () => {
    const name = await aPurse('gone', 90);
    const { watch, look, told, purses } = aWatch();
    purses.set(name, holding(45));
    let payer: Payer | null = { name: 'large' };
    const held = new WeakRef(payer);
    watch.look(payer, [name]);
    payer = null;

    // What a WeakRef was asked for in a turn of the event loop stays to its end.
    await eventually(() => {
      collect();
      return held.deref() === undefined;
    });
    await watch.sweep();
    assert.deepEqual(told, []);
    look('next', [name]);

    assert.deepEqual(told, ['next tenant 0.9']);
  });

  it('tries again when the database was away', async () => {
    const name = await aPurse('away', 85);
    const { look, told, purses, looks } = aWatch();
    purses.set(name, holding(85));
    const rename = (from: string, to: string) =>
      fresh.database.admin((client) => client.query(`ALTER TABLE tutti.${from} RENAME TO ${to}`));

    await rename('budget', 'budget_away');
    look('first', [name]);
    // A purse that was noticed is not looked into again, unless telling of it failed.
    await eventually(() => {
      look('again', [name]);
      return looks() > 1;
    });
    await rename('budget_away', 'budget');
    await eventually(() => {
      look('later', [name]);
      return told.length > 0;
    });

    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', / tenant 0\.85$/);
  });
});
