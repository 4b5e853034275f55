import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Page, Query } from '../../../core/ports/erp/connector.ts';
import { Freshness } from '../../../core/ports/erp/freshness.ts';
import {
  KnownReads,
  type KnownReadsOptions,
  type ReadView,
} from '../../../core/ports/erp/known-reads.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { verifies } from '../../support/verifies.ts';

const query: Query = { entity: 'rate', filter: { currency: { eq: 'EUR' } }, limit: 10 };
const view: ReadView = { tenantId: 1, runId: 'night', company: 'DE01' };
const signal = new AbortController().signal;

/** One page with a row that says what it holds. */
const pageOf = (value: string): Page => ({
  rows: [{ id: 'r1', version: '1', value }],
  cursor: null,
});
const heldBy = ({ rows }: Page): unknown => rows[0]?.value;

/** The reads of a thread, of which every answer may be a minute old. */
function reads(options: Partial<KnownReadsOptions> = {}) {
  const clock = new FakeClock();
  const freshness = new Freshness();
  const maxBytes = 1_000_000;
  const known = new KnownReads({ secondsOf: () => 60, freshness, clock, maxBytes, ...options });
  let asked = 0;
  const read = async (of: ReadView = view, what: Query = query) => {
    const ask = async () => {
      asked += 1;
      return pageOf(`answer ${asked}`);
    };
    return heldBy((await known.of(of).read(what, { ask, signal })).page);
  };
  return { clock, freshness, known, read, asked: () => asked };
}

describe('what a run has read', () => {
  it('is asked for once while it may be as old, and again after that', async () => {
    verifies('R9.caching');
    const { clock, read } = reads();

    const first = [await read(), await read()];
    clock.pass(60_000);
    const last = await read();
    clock.pass(1);
    const again = await read();

    assert.deepEqual([...first, last, again], ['answer 1', 'answer 1', 'answer 1', 'answer 2']);
  });

  it('says how old it is', async () => {
    const { clock, known, read } = reads();
    await read();
    clock.pass(7_000);

    const { ageMs } = await known.of(view).read(query, { ask: async () => pageOf('new'), signal });

    assert.equal(ageMs, 7_000);
  });

  it('is too old when the machine has slept meanwhile: only the clock on the wall tells', async () => {
    let slept = 0;
    const clock = { now: () => slept, monotonic: () => 0 };
    const { read } = reads({ clock });
    await read();
    slept = 60_001;

    assert.equal(await read(), 'answer 2');
  });

  it('is asked for every time where the entity says nothing', async () => {
    const { read, asked } = reads({ secondsOf: (entity) => (entity === 'rate' ? 0 : 60) });
    await read();
    await read();

    assert.equal(asked(), 2);
  });

  const others: readonly (readonly [string, ReadView, Query])[] = [
    ['tenant', { ...view, tenantId: 2 }, query],
    ['run', { ...view, runId: 'morning' }, query],
    ['company', { ...view, company: null }, query],
    ['page', view, { ...query, cursor: '["r1"]' }],
    ['question', view, { ...query, filter: { currency: { eq: 'USD' } } }],
  ];
  for (const [what, of, asked] of others)
    it(`is no answer for another ${what}`, async () => {
      verifies('R9.caching');
      const { read } = reads();

      assert.deepEqual([await read(), await read(of, asked)], ['answer 1', 'answer 2']);
    });

  it('is one question where many ask at once', async () => {
    verifies('R9.caching');
    const { read, asked } = reads();

    const answers = await Promise.all(Array.from({ length: 20 }, () => read()));

    assert.deepEqual([asked(), new Set(answers).size], [1, 1]);
  });

  it('is asked for by whoever waited, when the first to ask fails or gives up', async () => {
    const { known } = reads();
    const gone = new AbortController();
    const never = () => new Promise<Page>(() => {});
    const fails = known.of(view).read(query, { ask: never, signal: gone.signal });
    const waits = known.of(view).read(query, { ask: async () => pageOf('own'), signal });
    await new Promise(setImmediate);
    gone.abort(new Error('its step was cancelled'));

    await assert.rejects(fails, /its step was cancelled/);
    assert.equal(heldBy((await waits).page), 'own');
  });

  it('keeps no failure', async () => {
    const { known, read } = reads();
    const ask = async () => Promise.reject(new Error('the ERP is away'));

    await assert.rejects(known.of(view).read(query, { ask, signal }), /away/);
    assert.equal(await read(), 'answer 1');
  });

  it('takes no more memory than it is given', async () => {
    verifies('R9.caching');
    const { read, asked } = reads({ maxBytes: 8_000 });
    const questions = Array.from({ length: 100 }, (_, limit) => ({ ...query, limit: limit + 1 }));
    for (const each of questions) await read(view, each);
    const before = asked();

    await read(view, questions.at(-1));
    await read(view, questions[0]);

    assert.equal(asked(), before + 1);
  });

  it('cannot be changed by whoever reads it', async () => {
    const { known } = reads();
    const ask = async () => pageOf('one');
    const { page } = await known.of(view).read(query, { ask, signal });

    assert.throws(() => Object.assign(page.rows[0] as object, { value: 'two' }), TypeError);
  });

  it('is nothing once another thread has written to the entity, and while it does', async () => {
    verifies('R9.caching');
    const { freshness, read } = reads();
    const elsewhere = new Freshness(freshness.shared);
    const before = await read();

    const end = elsewhere.writing(view.tenantId, query.entity);
    const during = [await read(), await read()];
    end();
    const after = [await read(), await read()];

    assert.deepEqual(
      [before, ...during, ...after],
      ['answer 1', 'answer 2', 'answer 3', 'answer 4', 'answer 4'],
    );
  });

  it('is forgotten when an event says that something has changed, and nothing else is', async () => {
    verifies('R9.caching');
    const { freshness, read } = reads();
    const other = { ...query, entity: 'account' };
    await read();
    await read(view, other);

    freshness.changed(view.tenantId, query.entity);

    assert.deepEqual([await read(), await read(view, other)], ['answer 3', 'answer 2']);
  });

  it('is nothing while somebody may write to anything', async () => {
    const { freshness, read } = reads();
    await read();
    const end = freshness.writing(null, null);

    assert.equal(await read(), 'answer 2');
    end();
    assert.equal(await read(), 'answer 3');
  });
});

/** What may happen, in any order. Numbers choose among what is there. */
type Act =
  | {
      readonly kind: 'read';
      readonly tenant: number;
      readonly company: string;
      readonly run: string;
    }
  | { readonly kind: 'answer'; readonly which: number; readonly fails: boolean }
  | { readonly kind: 'write'; readonly tenant: number }
  | { readonly kind: 'commit' | 'end'; readonly which: number }
  | { readonly kind: 'event' | 'foreign'; readonly tenant: number }
  | { readonly kind: 'wait'; readonly ms: number };

const tenant = fc.constantFrom(1, 2);
const which = fc.nat(5);
const anAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      tenant,
      company: fc.constantFrom('DE01', 'US01'),
      run: fc.constantFrom('a', 'b'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('answer' as const),
      which,
      fails: fc.nat(4).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('write' as const), tenant }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('commit' as const, 'end' as const), which }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('event' as const, 'foreign' as const), tenant }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 4_000, 10_000),
    }),
  },
);

const allowedMs = 10_000;

/** An ERP with one record a tenant, whose value counts its changes, and a thread that reads it. */
class Story {
  readonly #clock = new FakeClock();
  readonly #freshness = new Freshness();
  readonly #known = new KnownReads({
    ...{
      secondsOf: () => allowedMs / 1_000,
      freshness: this.#freshness,
      clock: this.#clock,
      maxBytes: 100_000,
    },
  });
  /** By tenant, when each value came. */
  readonly #changes: Record<number, number[]> = { 1: [0], 2: [0] };
  /** By tenant, the value that whoever begins to read now must see at least. */
  readonly #told: Record<number, number> = { 1: 0, 2: 0 };
  readonly #asked: ((fails: boolean) => void)[] = [];
  readonly #writes: { readonly tenant: number; readonly end: () => void; value: number | null }[] =
    [];
  readonly faults: string[] = [];
  served = 0;

  async live(acts: readonly Act[]): Promise<void> {
    for (const act of acts) {
      this.#do(act);
      await new Promise(setImmediate);
    }
    while (this.#asked.length > 0) {
      this.#asked.shift()?.(false);
      await new Promise(setImmediate);
    }
  }

  #do(act: Act): void {
    switch (act.kind) {
      case 'read':
        return this.#read(act);
      case 'answer':
        return this.#take(this.#asked, act.which)?.(act.fails);
      case 'write': {
        const end = this.#freshness.writing(act.tenant, 'rate');
        this.#writes.push({ tenant: act.tenant, end, value: null });
        return;
      }
      case 'commit': {
        const write = this.#writes[act.which % Math.max(1, this.#writes.length)];
        if (write) write.value ??= this.#change(write.tenant);
        return;
      }
      case 'end': {
        const write = this.#take(this.#writes, act.which);
        if (!write) return;
        const value = write.value ?? this.#change(write.tenant);
        write.end();
        this.#tell(write.tenant, value);
        return;
      }
      case 'event':
        this.#tell(act.tenant, this.#change(act.tenant));
        return this.#freshness.changed(act.tenant, 'rate');
      case 'foreign':
        this.#change(act.tenant);
        return;
      case 'wait':
        return this.#clock.pass(act.ms);
    }
  }

  #take<T>(from: T[], at: number): T | undefined {
    return from.splice(at % Math.max(1, from.length), 1)[0];
  }

  #change(of: number): number {
    const changes = this.#changes[of] as number[];
    return changes.push(this.#clock.monotonic()) - 1;
  }

  #tell(of: number, value: number): void {
    this.#told[of] = Math.max(this.#told[of] as number, value);
  }

  #read({ tenant: tenantId, company, run }: Extract<Act, { kind: 'read' }>): void {
    const told = this.#told[tenantId] as number;
    const changes = this.#changes[tenantId] as number[];
    const oldest = this.#clock.monotonic() - allowedMs;
    const wasThere = changes.filter((at) => at < oldest).length - 1;
    const who = `${tenantId} ${company} ${run}`;
    const ask = (): Promise<Page> => {
      const page = {
        rows: [{ id: 'r1', version: '1', who, value: changes.length - 1 }],
        cursor: null,
      };
      return new Promise((resolve, reject) =>
        this.#asked.push((fails) => (fails ? reject(new Error('away')) : resolve(page))),
      );
    };
    void this.#known
      .of({ tenantId, runId: run, company })
      .read({ entity: 'rate', limit: 1 }, { ask, signal })
      .then(
        ({ page, ageMs }) => {
          const row = page.rows[0] as unknown as { readonly who: string; readonly value: number };
          if (ageMs !== null) this.served += 1;
          if (row.who !== who) this.faults.push(`${who} was answered as ${row.who}`);
          if (row.value < told)
            this.faults.push(`${row.value} after ${told} was written or told of`);
          if (row.value < wasThere)
            this.faults.push(`${row.value}, which ${wasThere} had replaced for too long`);
        },
        () => {},
      );
  }
}

describe('reads, writes, events and writes of others in any order', () => {
  it('never bring an answer that is too old, from before an own write, or of anybody else', async () => {
    verifies('R9.caching');
    let served = 0;

    await fc.assert(
      fc.asyncProperty(fc.array(anAct, { maxLength: 80, size: 'max' }), async (acts) => {
        const story = new Story();
        await story.live(acts);
        served += story.served;
        assert.deepEqual(story.faults, []);
      }),
      { numRuns: 300 },
    );

    assert.ok(served > 100, `only ${served} reads were answered by what was known`);
  });
});
