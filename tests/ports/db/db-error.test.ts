import assert from 'node:assert/strict';
import { EngineError } from '../../../core/base/errors.ts';
import { isOutage, mayPass, translateDbError } from '../../../core/ports/db/db-error.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';

describe('translateDbError', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;

  before(async () => {
    fresh = await freshDatabase();
  });
  after(function () {
    return fresh.drop(this);
  });

  async function failure(statement: string): Promise<EngineError> {
    const client = await fresh.database.connect('tutti_engine');
    const error = await client.query(statement).catch((thrown: unknown) => thrown);
    await client.end();
    return translateDbError(error);
  }

  async function raised(sqlState: string): Promise<string> {
    const error = await failure(
      `DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '${sqlState}'; END $$`,
    );
    return error.code;
  }

  it('tells a full disk from a server that is away, and both from our own mistakes', async () => {
    assert.equal(await raised('53100'), 'DB_FULL');
    for (const state of [
      '57P01',
      '57P03',
      '53300',
      '53200',
      '08006',
      '40P01',
      '25006',
      '28P01',
      '3D000',
    ]) {
      assert.equal(await raised(state), 'DB_UNAVAILABLE', state);
    }
    for (const state of ['23505', '42P01', '22P02', 'XX000']) {
      assert.equal(await raised(state), 'INTERNAL', state);
    }
  });

  it('names table and constraint', async () => {
    const error = await failure(`INSERT INTO tenant (slug) VALUES ('anna'), ('anna')`);

    assert.equal(error.code, 'INTERNAL');
    assert.match(error.message, /SQLSTATE 23505 \(tenant, tenant_slug_key\)/);
    assert.doesNotMatch(error.message, /anna/);
  });

  it('quotes no row where PostgreSQL does', async () => {
    const error = await failure(`SELECT 'anna'::int`);

    assert.doesNotMatch(error.message, /anna/);
    assert.match(String(error.cause), /anna/);
  });

  it('says of which statement limit a query died', async () => {
    const error = await failure('SET statement_timeout = 10; SELECT pg_sleep(5)');

    assert.equal(error.code, 'DB_UNAVAILABLE');
    assert.match(error.message, /57014/);
    assert.equal(error.retryable, true);
  });

  it('returns an error of ours as it is', () => {
    const ours = new EngineError('BUDGET_EXCEEDED', 'spent');

    assert.equal(translateDbError(ours), ours);
  });

  it('reads the first of several addresses that failed', () => {
    const each = { code: 'ECONNREFUSED', address: '::1', port: 5432, message: 'connect' };

    const error = translateDbError(
      Object.assign(new AggregateError([each]), { code: 'ECONNREFUSED' }),
    );

    assert.match(error.message, /at ::1:5432 does not answer \(ECONNREFUSED\)/);
  });

  it('tells an outage, which waiting ends, from a statement that was cut off and from what no waiting mends', () => {
    const states = [
      '57P01',
      '08006',
      '53100',
      '25006',
      '57014',
      '40P01',
      '55P03',
      '28P01',
      '23505',
    ];
    const errors = states.map((code) => ({ code, message: 'x' }));

    assert.deepEqual(
      errors.map((error) => [isOutage(error), mayPass(error)].map(Number).join('')),
      ['11', '11', '11', '11', '01', '01', '01', '00', '00'],
    );
    assert.deepEqual(
      errors.map((error) => isOutage(translateDbError(error))),
      errors.map(isOutage),
    );
    const silent = ['Query read timeout', 'timeout expired', 'Connection terminated unexpectedly'];
    assert.ok(silent.every((message) => isOutage({ message })));
    assert.ok(isOutage(new EngineError('DB_UNAVAILABLE', 'it does not answer')));
    assert.equal(isOutage(new EngineError('ENGINE_FENCED', 'gone')), false);
  });
});
