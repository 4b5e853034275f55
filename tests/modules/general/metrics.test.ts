import assert from 'node:assert/strict';
import fc from 'fast-check';
import { runTool } from 'tutti/testing';
import { calculateMetrics } from '../../../modules/general/tools/calculate-metrics.ts';
import { verifies } from '../../support/verifies.ts';

interface Figures {
  readonly field: string;
  readonly count: number;
  readonly missing: number;
  readonly sum: string;
  readonly mean: string | null;
  readonly median: string | null;
  readonly min: string | null;
  readonly max: string | null;
  readonly deviation: string | null;
  readonly percentiles: readonly { readonly percent: number; readonly value: string | null }[];
}

interface Answer {
  readonly rows: number;
  readonly groups: readonly { group: object; rows: number; fields: readonly Figures[] }[];
}

describe('general.calculate_metrics', () => {
  it('computes the figures of decimals without any rounding on the way', async () => {
    verifies('R5.metrics-tool');
    const rows = ['0.1', '0.2', '12345678901234567890.3', '-0.6'].map((amount) => ({ amount }));

    const figures = await of({ rows, fields: ['amount'], places: 2 });

    assert.equal(figures.sum, '12345678901234567890');
    assert.equal(figures.mean, '3086419725308641972.5');
    assert.deepEqual(
      [figures.min, figures.max, figures.median],
      ['-0.6', '12345678901234567890.3', '0.15'],
    );
  });

  it('follows the definitions on an example that can be looked up', async () => {
    // The deviation of 2 4 4 4 5 5 7 9 is 2 for a population; PERCENTILE.INC of it at 40 % is 4, at 90 % 7.6.
    const rows = [2, 4, 4, 4, 5, 5, 7, 9].map((x) => ({ x }));
    const asked = { rows, fields: ['x'], percentiles: [0, 40, 90, 100] };

    const population = await of({ ...asked, deviation: 'population' });
    const sample = await of(asked);

    assert.deepEqual([population.mean, population.median, population.deviation], ['5', '4.5', '2']);
    assert.equal(sample.deviation, '2.13809');
    assert.deepEqual(
      sample.percentiles.map(({ value }) => value),
      ['2', '4', '7.6', '9'],
    );
  });

  it('agrees with a plain computation in floats', async () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((x) => Number(x.toFixed(4)));
    await fc.assert(
      fc.asyncProperty(
        fc.array(value, { minLength: 2, maxLength: 40 }),
        fc.integer({ min: 0, max: 100 }),
        async (xs, percent) => {
          const rows = xs.map((x) => ({ x }));

          const got = await of({ rows, fields: ['x'], percentiles: [percent] });

          const wanted = naive(xs, percent);
          assert.equal(got.count, xs.length);
          for (const name of ['sum', 'mean', 'median', 'min', 'max', 'deviation'] as const)
            near(got[name], wanted[name], name);
          near(got.percentiles[0]?.value ?? null, wanted.percentile, `percentile ${percent}`);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('groups by fields, in the order in which the groups come', async () => {
    const rows = [
      { team: 'b', year: 1, x: 1 },
      { team: 'a', year: 1, x: '2.50' },
      { team: 'b', year: 1, x: null },
      { team: 'b', year: 2 },
    ];

    const { groups } = await answer({ rows, fields: ['x'], groupBy: ['team', 'year'] });

    assert.deepEqual(
      groups.map(({ group, fields: [x] }) => [group, x?.count, x?.missing, x?.sum, x?.mean]),
      [
        [{ team: 'b', year: 1 }, 1, 1, '1', '1'],
        [{ team: 'a', year: 1 }, 1, 0, '2.5', '2.5'],
        [{ team: 'b', year: 2 }, 0, 1, '0', null],
      ],
    );
  });

  it('names row and field of what is no number, and takes no inherited field', async () => {
    const rows = [{ x: 1 }, { x: '1,5' }];

    const run = await runTool(calculateMetrics, { rows, fields: ['x'] });
    const inherited = await of({ rows: [{ x: 1 }], fields: ['constructor'] });

    assert.ok(run.kind === 'error' && run.error.code === 'INPUT_INVALID');
    assert.match(run.error.message, /Row 2 has "1,5" in 'x'/);
    assert.deepEqual([inherited.count, inherited.missing], [0, 1]);
  });

  it('refuses numbers that would take for ever, and more values than a call may have', async () => {
    const codeOf = async (args: object) => {
      const run = await runTool(calculateMetrics, args);
      return run.kind === 'error' ? run.error.code : run.kind;
    };
    const fields = Array.from({ length: 5 }, (_, index) => `f${index}`);
    const many = Array.from({ length: 50_000 }, () => ({}));

    assert.equal(await codeOf({ rows: [{ x: '1e999' }], fields: ['x'] }), 'INPUT_INVALID');
    assert.equal(await codeOf({ rows: many, fields }), 'INPUT_INVALID');
    const each = many.slice(0, 5_001).map((_, id) => ({ id }));
    assert.equal(await codeOf({ rows: each, fields: ['x'], groupBy: ['id'] }), 'INPUT_INVALID');
  });
});

async function answer(args: object): Promise<Answer> {
  const run = await runTool(calculateMetrics, args);
  assert.ok(run.kind === 'result', JSON.stringify(run));
  return run.value as Answer;
}

async function of(args: object): Promise<Figures> {
  const [figures] = (await answer(args)).groups[0]?.fields ?? [];
  assert.ok(figures);
  return figures;
}

/** The same definitions, in floats. */
function naive(xs: readonly number[], percent: number) {
  const sorted = xs.toSorted((a, b) => a - b);
  const at = (part: number): number => {
    const h = (sorted.length - 1) * part;
    const low = sorted[Math.floor(h)] ?? 0;
    return low + (h - Math.floor(h)) * ((sorted[Math.ceil(h)] ?? 0) - low);
  };
  const sum = xs.reduce((total, x) => total + x, 0);
  const mean = sum / xs.length;
  const spread = xs.reduce((total, x) => total + (x - mean) ** 2, 0);
  return {
    ...{ sum, mean, median: at(0.5), min: Math.min(...xs), max: Math.max(...xs) },
    ...{ deviation: Math.sqrt(spread / (xs.length - 1)), percentile: at(percent / 100) },
  };
}

function near(got: string | null, wanted: number, what: string): void {
  const difference = Math.abs(Number(got) - wanted);
  assert.ok(
    got !== null && difference <= 1e-5 + Math.abs(wanted) * 1e-9,
    `${what}: ${got} ${wanted}`,
  );
}
