import assert from 'node:assert/strict';
import { decide } from '../../../core/engine/approvals/decide.ts';
import { type AgentSaving, Savings, type SavingView } from '../../../core/engine/costs/savings.ts';
import { writeTriage } from '../../../core/engine/findings/triage.ts';
import { openTestEngine } from '../../support/engine.ts';
import {
  type ModelCallSeen,
  type ServerAnswer,
  startModelServer,
} from '../../support/model-server.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { queryAll } from '../../support/rows.ts';
import { verifies } from '../../support/verifies.ts';

type Items = Readonly<Partial<Record<'sorter' | 'packer' | 'weigher', readonly string[]>>>;

const rate = (each: number) => ({ input: each, cachedInput: each, cacheWrite: each, output: each });
const prices = { dear: rate(30_000_000), cheap: rate(3_000_000) };
const usage = { input: 1_000, cachedInput: 0, cacheWrite: 0, output: 100, reasoning: 0 };
const done: ServerAnswer = { text: '{"text":"ok"}', usage };
const junk: ServerAnswer = { text: 'no JSON', usage };

/** `plain 1`, `plain 2` …: what an item is named after is what the model makes of it. */
const things = (kind: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${kind} ${index + 1}`);

/** A model that answers, looks first, has to answer twice, never fits, finds something odd, or proposes a move. */
function answer({ messages }: ModelCallSeen): ServerAnswer {
  const id = /\\?"id\\?":\\?"(\w+) \d+/.exec(JSON.stringify(messages))?.[1];
  const hasCalled = messages.some(({ kind }) => kind === 'result');
  const isSecond = messages.some((each) => each.kind === 'text' && each.role === 'assistant');
  const call = (name: string, args: object): ServerAnswer =>
    hasCalled ? done : { calls: [{ name, args }], usage };
  switch (id) {
    case 'look':
      return call('shop-thing-look', {});
    case 'repair':
      return isSecond ? done : junk;
    case 'bad':
      return junk;
    case 'odd':
      return call('finding-report', {
        ...{ kind: 'thing.odd', severity: 'low', summary: 'It is odd.' },
        ...{ company: null, amount: null, currency: null },
        records: [{ entity: 'company', id: 'odd 1' }],
      });
    case 'move':
      return call('shop-thing-move', { thing: 'one' });
    case 'away':
      return { ...done, fault: { kind: 'status', status: 500, body: {} } };
    default:
      return done;
  }
}

describe('where a cheaper model would have done', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let tenantId: number;
  let view: SavingView;

  /** A day of the shop on one model, by an engine of its own. */
  async function aDay(model: string, url: string, items: Items): Promise<void> {
    const config = new URL('../../support/fixtures/saving.config.ts', import.meta.url);
    config.searchParams.set('model', model);
    config.searchParams.set('url', url);
    const tutti = await openTestEngine(config, { fresh });
    try {
      tenantId = await tutti.host.store.tenant('shop');
      const ids = (name: keyof Items) => (items[name] ?? []).map((id) => ({ id }));
      const input = { sorter: ids('sorter'), packer: ids('packer'), weigher: ids('weigher') };
      await tutti.run('shop.day', { tenantId, input });
    } finally {
      await tutti.close();
    }
  }

  /** Somebody ignores what was found, and refuses what was proposed. */
  async function takeBack(): Promise<void> {
    const pool = fresh.database.pool('tutti_engine', 1);
    const [finding] = await queryAll<{ fingerprint: string }>(
      fresh.database,
      `SELECT encode(fingerprint, 'hex') AS fingerprint FROM tutti.finding`,
    );
    const [question] = await queryAll<{ id: string }>(
      fresh.database,
      'SELECT id FROM tutti.approval',
    );
    const fingerprint = finding?.fingerprint ?? '';
    const actor = { kind: 'person', id: 'anna' } as const;
    await writeTriage(pool, { tenantId, fingerprint, state: 'ignored', actor });
    const no = { decision: 'refused', person: 'anna', note: 'No.', via: 'cli:anna' } as const;
    await decide(pool, { tenantId, id: question?.id ?? '', ...no }, { approver: ['anna'] });
  }

  const of = (agent: string): AgentSaving =>
    view.agents.find((each) => each.agent === agent) as AgentSaving;

  before(async () => {
    fresh = await freshDatabase();
    const server = await startModelServer(answer);
    const url = server.baseUrl('openai-chat');
    try {
      await aDay('dear', url, {
        sorter: [
          ...[...things('plain', 30), ...things('look', 2)],
          ...['repair 1', 'bad 1', 'odd 1', 'move 1', 'away 1'],
        ],
        packer: things('plain', 24),
        weigher: things('plain', 24),
      });
      await aDay('cheap', url, {
        sorter: things('plain', 60),
        packer: things('plain', 5),
        weigher: [...things('plain', 10), ...things('bad', 10)],
      });
    } finally {
      await server.close();
    }
    await takeBack();
    view = await new Savings(fresh.database, prices).read(tenantId, { days: 1 });
  });
  after(function () {
    return fresh.drop(this);
  });

  it('is told by what the journal says of each model: what was good, and what was not and why', () => {
    verifies('R7.saving');
    const records = of('shop.sorter').models.map(({ least: _, most: __, ...counts }) => counts);

    assert.deepEqual(records, [
      {
        ...{ model: 'dear', steps: 37, judged: 36, good: 32 },
        ...{ failed: 1, repaired: 2, refused: 1, ignored: 1 },
        // 42 calls of 36 steps; what the provider never counted has no price.
        stepMicroUsd: 38_500,
      },
      {
        ...{ model: 'cheap', steps: 60, judged: 60, good: 60 },
        ...{ failed: 0, repaired: 0, refused: 0, ignored: 0 },
        stepMicroUsd: 3_300,
      },
    ]);
  });

  it('is said where the cheaper one surely does as well, with what it would have saved', () => {
    verifies('R7.saving');
    const saved = 37 * (38_500 - 3_300);

    assert.deepEqual(of('shop.sorter').comparisons, [
      { cheaper: 'cheap', dearer: 'dear', verdict: 'would_do', more: null, savedMicroUsd: saved },
    ]);
    assert.deepEqual([view.savedMicroUsd, view.agents[0]?.agent], [saved, 'shop.sorter']);
  });

  it('is not said of five steps that went well, but how many more it takes', () => {
    verifies('R7.saving');
    const [comparison] = of('shop.packer').comparisons;

    assert.deepEqual([comparison?.verdict, comparison?.savedMicroUsd], ['unseen', 0]);
    assert.ok((comparison?.more?.cheaper ?? 0) > 50, JSON.stringify(comparison));
  });

  it('is denied of one that fails half the time', () => {
    verifies('R7.saving');
    const { comparisons, savedMicroUsd } = of('shop.weigher');

    assert.deepEqual([comparisons.map(({ verdict }) => verdict), savedMicroUsd], [['worse'], 0]);
  });

  it('knows nothing of other tenants, nor of steps before its days', async () => {
    const savings = new Savings(fresh.database, prices);
    const later = new Date(Date.now() + 3 * 86_400_000);

    assert.deepEqual((await savings.read(tenantId + 1, { days: 1 })).agents, []);
    assert.deepEqual((await savings.read(tenantId, { days: 1, now: later })).agents, []);
  });

  it('goes by the prices of today: of a model without one it says nothing', async () => {
    const { agents } = await new Savings(fresh.database, { cheap: prices.cheap }).read(tenantId, {
      days: 1,
    });
    const sorter = agents.find(({ agent }) => agent === 'shop.sorter');

    assert.deepEqual(
      sorter?.models.map(({ model, stepMicroUsd }) => [model, stepMicroUsd]),
      [
        ['cheap', 3_300],
        ['dear', null],
      ],
    );
    assert.deepEqual(sorter?.comparisons, []);
  });
});
