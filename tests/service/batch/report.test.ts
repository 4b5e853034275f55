import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { FindingView } from '../../../core/engine/history/views.ts';
import {
  formatAmount,
  formatCost,
  formatDuration,
  moduleName,
  toolPhrase,
} from '../../../core/service/batch/format.ts';
import { groupName, type RunRecord, sumAmounts } from '../../../core/service/batch/record.ts';
import { countOpen, ticks } from '../../../core/service/batch/report/chart.ts';
import { iconLink } from '../../../core/service/batch/report/icon.ts';
import { renderReport } from '../../../core/service/batch/report/page.ts';
import { summarise } from '../../../core/service/batch/summary.ts';
import { verifies } from '../../support/verifies.ts';

const runId = '01a1fc00-63e4-71f4-904b-3aa9bb37e57b';
const attack = `"><img src=x onerror=alert(1)><script>alert('&')</script>`;

function aFinding(finding: Partial<FindingView>): FindingView {
  return {
    ...{
      id: `${runId}/7`,
      fingerprint: 'aa',
      known: false,
      simulated: false,
      runId,
      seq: 7,
      stepId: 1,
      module: 'finance',
    },
    ...{ agent: 'finance.match', kind: 'match.price', severity: 'high', company: 'MCG-DE' },
    ...{
      records: [{ entity: 'bill', id: '7' }],
      amount: '10.10',
      currency: 'EUR',
      summary: 'Off.',
      evidence: {},
    },
    ...finding,
  };
}

function aRecord(record: Partial<RunRecord> = {}): RunRecord {
  const at = (ms: number) => new Date(Date.UTC(2026, 5, 30) + ms);
  const step = {
    id: 1,
    path: 'match[V1]',
    module: 'finance',
    agent: 'finance.match',
    status: 'succeeded',
    attempt: 1,
  };
  const times = { startedAtMs: at(100).getTime(), endedAtMs: at(900).getTime() };
  return {
    group: 'Meridian',
    head: {
      ...{
        id: runId,
        workflow: 'nightly',
        status: 'succeeded',
        company: null,
        businessDate: '2026-06-30',
      },
      ...{ createdAt: at(0), endedAt: at(1_000), key: null, rehearsal: false },
      ...{ retryOf: null, retriedBy: null, goal: null },
    },
    summary: {
      ...{
        runId,
        workflow: 'nightly',
        status: 'succeeded',
        agents: 1,
        modules: ['finance'],
        toolCalls: 2,
      },
      ...{
        recordsRead: 30,
        proposals: 0,
        observed: 0,
        rehearsal: false,
        costMicroUsd: 0,
        tokens: { input: 0, output: 0 },
        durationMs: 1_000,
        findings: 1,
      },
      steps: { total: 1, succeeded: 1, failed: 0, skipped: 0, cancelled: 0, degraded: 0 },
    },
    steps: [{ ...step, ...times, error: null, costMicroUsd: 0, degraded: false }],
    findings: [aFinding({})],
    proposals: [],
    decided: [],
    tools: [],
    spend: [],
    retries: 0,
    recoveries: [],
    ...{ failedNodes: [], cancelled: null },
    warnings: [],
    ...record,
  };
}

describe('the report of a run', () => {
  it('lets nothing that agents or records say become markup', () => {
    const finding = aFinding({
      summary: attack,
      kind: attack,
      company: attack,
      currency: attack,
      evidence: { [attack]: attack },
    });
    const proposal = {
      key: attack,
      runId,
      stepId: 1,
      seq: 9,
      tool: attack,
      module: attack,
      agent: attack,
      entity: attack,
    };
    const page = renderReport(
      aRecord({
        group: attack,
        findings: [finding],
        proposals: [
          {
            ...proposal,
            targetId: attack,
            company: null,
            ...{ state: 'proposed', became: 'open', approval: null },
            ...{ rule: attack, policy: { name: attack, version: 1 } },
            args: { [attack]: attack },
          },
        ],
        tools: [
          { tool: attack, effect: attack, calls: 1, records: 1, outcomes: new Map([[attack, 1]]) },
        ],
      }),
    );

    assert.doesNotMatch(page, /<(script|img)/);
    assert.match(page, /&lt;script&gt;alert\(&#39;&amp;&#39;\)/);
  });

  it("has the console's icon in it", () => {
    const drawn = /href="data:image\/svg\+xml,([^"]+)"/.exec(iconLink.text)?.[1] ?? '';
    const file = new URL('../../../core/service/console/icon.svg', import.meta.url);

    assert.equal(decodeURIComponent(drawn), readFileSync(file, 'utf8').trim());
    assert.ok(renderReport(aRecord()).includes(iconLink.text));
  });

  it('fetches nothing and runs nothing', () => {
    const page = renderReport(aRecord());

    const bare = page.replace(iconLink.text, '');
    assert.doesNotMatch(bare, /<script|<link|<iframe|@import|url\(|https?:|\son\w+=/i);
  });

  it('counts findings by module and severity, with the amounts of each currency by itself', () => {
    const page = renderReport(
      aRecord({
        findings: [
          aFinding({}),
          aFinding({ severity: 'low', amount: '-0.90' }),
          aFinding({
            module: 'hr',
            agent: 'hr.pay',
            severity: 'low',
            amount: '5',
            currency: 'USD',
          }),
        ],
      }),
    );

    const cell = (module: string, severity: string) =>
      page.match(
        `data-module="${module}" data-severity-column="${severity}" data-value="(\\d+)"`,
      )?.[1];
    assert.deepEqual(
      ['finance', 'hr', 'all'].map((module) =>
        ['high', 'low', 'all'].map((severity) => cell(module, severity)),
      ),
      [
        ['1', '1', '2'],
        ['0', '1', '1'],
        ['1', '2', '3'],
      ],
    );
    assert.match(page, /data-amount="11" data-currency="EUR">11\.00</);
    assert.match(page, /data-amount="5" data-currency="USD">5\.00</);
  });

  it('names what failed and what was degraded, and says so when nothing was', () => {
    const [step] = aRecord().steps;
    assert.ok(step);
    const failed = {
      ...step,
      status: 'failed',
      error: { code: 'TOOL_FAILED', message: 'No <answer>.' },
    };
    const page = renderReport(
      aRecord({ steps: [failed, { ...step, id: 2, degraded: true }], retries: 2 }),
    );

    assert.match(page, /data-trouble="failed".*TOOL_FAILED: No &lt;answer&gt;\./);
    assert.match(page, /data-trouble="degraded"/);
    assert.match(page, /1 agent failed\..*2 attempts failed and were tried again\./);
    assert.match(renderReport(aRecord()), /Nothing: every agent ended as it should/);
  });

  it('says which budgets came near to their limits, and so does the summary', () => {
    const warnings = [
      { scope: 'tenant', share: 0.809, limitMicroUsd: 5_000_000 },
      { scope: 'module:finance', share: 0.95, limitMicroUsd: 1_000_000 },
    ];
    const record = aRecord({ warnings });
    const said = [
      'The daily budget of all runs, $5.00, was used to 80 %',
      'The daily budget of module finance, $1.00, was used to 95 %',
    ];

    const page = renderReport(record);
    const lines = summarise(record).flatMap((part) => (part.kind === 'line' ? [part.text] : []));

    for (const each of said) {
      assert.ok(page.includes(`${each}.`), each);
      assert.ok(lines.includes(each), each);
    }
    assert.doesNotMatch(renderReport(aRecord()), /daily budget/);
  });

  it('shows what models cost, by agent', () => {
    const spend = {
      module: 'finance',
      agent: 'finance.match',
      steps: 3,
      turns: 4,
      inputTokens: 12_000,
      outputTokens: 800,
    };
    const page = renderReport(aRecord({ spend: [{ ...spend, costMicroUsd: 1_234_567 }] }));

    assert.match(page, /data-cost="1234567">\$1\.23</);
    assert.match(page, />12,000</);
    assert.match(renderReport(aRecord()), /No model was called, so the run cost nothing/);
  });
});

describe('what took and cost most', () => {
  it('is named in the report: the slowest steps and the dearest agents first', () => {
    verifies('R11.insights');
    const [step] = aRecord().steps;
    assert.ok(step);
    const from = step.startedAtMs as number;
    const took = (agent: string, ms: number) => ({
      ...step,
      ...{ agent, path: `${agent}[1]`, startedAtMs: from, endedAtMs: from + ms },
    });
    const spent = (agent: string, costMicroUsd: number) => ({
      ...{ module: 'finance', agent, steps: 1, turns: 1, inputTokens: 1, outputTokens: 1 },
      costMicroUsd,
    });
    const page = renderReport(
      aRecord({
        steps: [took('finance.quick', 20), took('finance.slow', 800), took('finance.middle', 90)],
        spend: [spent('finance.cheap', 1_000), spent('finance.dear', 9_000_000)],
      }),
    );

    const [, slowest = ''] = /The steps that took longest(.*?)<\/svg>/s.exec(page) ?? [];
    assert.deepEqual(slowest.match(/finance\.\w+(?=\[1\])/g), [
      'finance.slow',
      'finance.middle',
      'finance.quick',
    ]);
    const costs = [...page.matchAll(/data-cost="(\d+)"/g)].map(([, cost]) => Number(cost));
    assert.deepEqual(costs, [9_000_000, 1_000, 9_001_000]);
  });
});

describe('the summary of a run', () => {
  it('says how it ended, what was found, and how fast it was', () => {
    const text = summarise(aRecord())
      .map((part) =>
        part.kind === 'rows' ? part.rows.map((row) => row.join(' ')).join('\n') : part.text,
      )
      .join('\n');

    assert.match(text, /^Meridian, Tuesday,? 30 June 2026: nightly succeeded$/m);
    assert.match(
      text,
      /^ critical high medium low all EUR\nFinance 0 1 0 0 1 10\.10\nAll 0 1 0 0 1 10\.10$/m,
    );
    assert.match(text, /^high {2}MCG-DE {2}Off\.$/m);
    assert.match(text, /^Failed or degraded: nothing$/m);
    assert.match(text, /^1 agent, 2 tool calls, 30 records read$/m);
    assert.match(text, /^1\.0 s, 1\.0 agents per second$/m);
  });
});

describe('figures for people', () => {
  it('keep every place of an amount and group its digits', () => {
    assert.deepEqual(['1234567.5', '-0.125', '12', '99999999999999999999.01'].map(formatAmount), [
      '1,234,567.50',
      '−0.125',
      '12.00',
      '99,999,999,999,999,999,999.01',
    ]);
  });

  it('are read as people say them', () => {
    assert.deepEqual([0, 1_234, 2_500_000].map(formatCost), ['$0.00', '$0.0012', '$2.50']);
    assert.deepEqual([12, 10_640, 245_000, 7_380_000].map(formatDuration), [
      '12 ms',
      '10.6 s',
      '4 min 05 s',
      '2 h 03 min',
    ]);
    assert.deepEqual([moduleName('hr'), moduleName('fixed_assets')], ['HR', 'Fixed assets']);
    assert.equal(toolPhrase('compliance.audit_sample.create'), 'create audit sample');
    assert.equal(
      groupName(['Meridian Components GmbH', 'Meridian Components Ltd']),
      'Meridian Components',
    );
    assert.equal(groupName(['Alpha AG', 'Beta AG']), 'Alpha AG and 1 more');
  });

  it('add up amounts without a float, by currency', () => {
    const found = [
      { amount: '0.1', currency: 'EUR' },
      { amount: '-0.2', currency: 'EUR' },
      { amount: null, currency: null },
    ];
    assert.deepEqual(sumAmounts(found), [{ currency: 'EUR', amount: '0.3' }]);
  });
});

describe('the timeline', () => {
  it('counts agents that run at the same time', () => {
    const points = countOpen([
      { fromMs: 0, toMs: 10 },
      { fromMs: 5, toMs: 20 },
      { fromMs: 7, toMs: 7 },
    ]);

    assert.deepEqual(points, [
      { atMs: 0, open: 1 },
      { atMs: 5, open: 2 },
      { atMs: 7, open: 3 },
      { atMs: 8, open: 2 },
      { atMs: 10, open: 1 },
      { atMs: 20, open: 0 },
    ]);
  });

  it('names a step on its bar where there is no room beside it', () => {
    const [step] = aRecord().steps;
    assert.ok(step);
    const from = step.startedAtMs as number;
    const took = (path: string, startMs: number, endMs: number) => ({
      ...step,
      ...{ agent: `finance.${path}`, path, startedAtMs: from + startMs, endedAtMs: from + endMs },
    });

    const page = renderReport(
      aRecord({
        steps: [
          took('short', 0, 100),
          took('late', 700, 1_000),
          took('a_long_name_that_goes_from_end_to_end', 0, 1_000),
          took('x'.repeat(400), 0, 1_000),
        ],
      }),
    );

    const [, slowest = ''] = /The steps that took longest(.*?)<\/svg>/s.exec(page) ?? [];
    const labels = [
      ...slowest.matchAll(/<text class="name( inside)?" x="([\d.]+)".*?>(.*?)</g),
    ].map(
      ([, inside, x, text]) => [inside !== undefined, Number(x) > 0, text?.length ?? 0] as const,
    );
    assert.deepEqual(
      labels.map(([isInside]) => isInside),
      [true, true, false, false],
    );
    assert.ok(labels.every(([, isOnPage, letters]) => isOnPage && letters < 150));
  });

  it('is ruled at round times', () => {
    assert.deepEqual(ticks(10.7), [0, 2, 4, 6, 8, 10]);
    assert.deepEqual(ticks(0), [0]);
    assert.deepEqual(ticks(200, [15, 30, 60]), [0, 30, 60, 90, 120, 150, 180]);
  });
});
