import assert from 'node:assert/strict';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { OwnDelay } from '../support/own-delay.ts';
import { queryAll } from '../support/rows.ts';
import { verifies } from '../support/verifies.ts';

const configUrl = new URL('../support/fixtures/large.config.ts', import.meta.url);
/** More characters than any ERP takes or gives. */
const huge = 100_000_000;
/** Longest delay of the main loop's turns by its own doing, 99th percentile. */
const longestDelayMs = 50;

describe('an effect of a hundred megabytes', () => {
  let tutti: TestEngine;
  let tenantId: number;
  let delay: OwnDelay;

  before(async () => {
    tutti = await openTestEngine(configUrl);
    tenantId = await tutti.host.store.tenant('desk');
    delay = new OwnDelay();
  });
  after(function () {
    return tutti.close(this);
  });

  /** Opens a chit twice, as far as that may be: what its agent was told the second time, its effect, and how many chits there are. */
  async function opened(code: string, how: object) {
    const { id, status } = await tutti.run('desk.open', { tenantId, input: { code, ...how } });
    assert.equal(status, 'succeeded');
    const output = await tutti.history.output(tenantId, id);
    const effects = await queryAll<{ state: string; outcome: Record<string, unknown> }>(
      tutti.fresh.database,
      `SELECT state, outcome FROM tutti.effect WHERE run_id = '${id}'`,
    );
    const { rows } = await tutti.host
      .connector(tenantId)
      .query({ entity: 'chit', filter: { code: { eq: code } }, limit: 10 });
    const [said] = Object.values(output as Record<string, { became: string; characters: number }>);
    return { said, effects, chits: rows.map((row) => row.id) };
  }

  it('is refused where its arguments are that large: nothing happens', async () => {
    verifies('R8.isolation');
    const { said, effects, chits } = await opened('a', { text: huge });

    assert.match(said?.became ?? '', /'desk\.chit\.open' is called with has 1000000\d\d bytes/);
    assert.deepEqual([effects, chits], [[], []]);
  });

  it('has happened where its answer is that large, and is told and not done again', async () => {
    verifies('R8.crash');
    const { said, effects, chits } = await opened('b', { answer: huge });

    assert.match(said?.became ?? '', /'desk\.chit\.open' has happened and is not done again/);
    assert.equal(chits.length, 1);
    const [{ state, outcome } = { state: '', outcome: {} }, ...more] = effects;
    assert.deepEqual([state, outcome.chit, more], ['applied', chits[0], []]);
    assert.match(String(outcome['#left_out']), /^has 1000000\d\d bytes of JSON/);
  });

  it('is looked for where its tool can look, when what it answered was not kept', async () => {
    verifies('R8.crash');
    const { said, effects, chits } = await opened('c', { answer: huge, isKnown: true });

    assert.deepEqual(said, { became: 'replayed', characters: 'found'.length });
    assert.deepEqual([effects.map(({ state }) => state), chits.length], [['applied'], 1]);
  });

  it('keeps the main loop free', () => {
    verifies('R13.non-blocking');
    const { count, p99Ms } = delay.end();

    assert.ok(count > 100, `${count} turns`);
    assert.ok(p99Ms <= longestDelayMs, `99 of 100 delays are at most ${p99Ms} ms`);
  });
});
