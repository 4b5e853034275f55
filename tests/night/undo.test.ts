import assert from 'node:assert/strict';
import fc from 'fast-check';
import { leftBy, type ToolCall, UndoLab } from '../support/undo-lab.ts';
import { verifies } from '../support/verifies.ts';
import { shortNightData, shortNightInput, usualUnits } from './fixtures/short-night.ts';

/** What a tool's call names its record by, where it is bound to a version. */
const bound = [
  ['bill', 'bill'],
  ['payslip', 'payslip'],
  ['party', 'party'],
] as const;

/** Units in which each tool finds something to do: a permit to remind of, a fee of a bank to park. */
const units = new Map([
  ...usualUnits,
  ['hr.document_expiry_watch', ['1001', '1002', '1003', '1004', '1005', '1006', '1007', '1008']],
  ['finance.bank_reconciliation', ['1002', '1015', '1019', '1020']],
]);

describe('what the tools of all modules have done', function () {
  this.timeout(600_000);
  let lab: UndoLab;
  /** The calls of a night, by tool. */
  const calls = new Map<string, ToolCall[]>();

  before(async () => {
    lab = await UndoLab.open({ company: true });
  });
  after(function () {
    return lab.engine.close(this);
  });

  const changedIn = (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>) =>
    [...after].flatMap(([entity, digest]) => (before.get(entity) === digest ? [] : [entity]));

  it('in a night of all agents is taken back: every balance, stock and open item is as before', async () => {
    verifies('R8.undo', 'R3.erp-modules');
    const before = await lab.books();
    const night = await lab.run(shortNightData(), shortNightInput(units));
    assert.equal(night.status, 'succeeded');
    const between = await lab.books([...written]);
    assert.deepEqual(changedIn(before, between).sort(), [...written].sort());
    await gatherCalls();

    const view = await lab.takeBack(night.id);

    assert.equal(view.summary, `${view.total} effects undone`);
    assert.deepEqual(leftBy(view), []);
    assert.deepEqual(changedIn(before, await lab.books()), []);
  });

  it('in any order is taken back: the books are as before', async () => {
    const tools = [...lab.engine.host.registry.tools.values()].filter(
      ({ name, effect }) => effect !== 'read' && !/^(shelf|tutti)\./.test(name),
    );
    assert.deepEqual([...calls.keys()].sort(), tools.map(({ name }) => name).sort());
    const call = fc
      .constantFrom(...calls.values())
      .chain((of) => fc.constantFrom(...(of as [ToolCall, ...ToolCall[]])));
    const before = await lab.books([...written]);
    let applied = 0;

    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 8 }), async (sequence) => {
        const run = await lab.call(await atTodaysVersions(sequence));
        const view = await lab.takeBack(run.id);
        applied += view.total;
        assert.deepEqual(leftBy(view), []);
        assert.deepEqual(changedIn(before, await lab.books([...written])), []);
      }),
      { numRuns: 6, endOnFailure: true },
    );
    assert.ok(applied > 0);
  });

  async function gatherCalls(): Promise<void> {
    const rows = await lab.query<ToolCall>(
      `SELECT e.tool, convert_from(p.body, 'UTF8')::jsonb->'args' AS args FROM tutti.effect e
       JOIN tutti.payload p USING (tenant_id, run_id, seq) ORDER BY e.tool, e.key`,
    );
    for (const each of rows) calls.set(each.tool, [...(calls.get(each.tool) ?? []), each]);
  }

  /** Calls that are bound to a version are bound to the one that their record has by now. */
  function atTodaysVersions(sequence: readonly ToolCall[]): Promise<ToolCall[]> {
    return Promise.all(
      sequence.map(async ({ tool, args }) => {
        const given = args as Readonly<Record<string, string>>;
        const [entity] = bound.find(([, name]) => 'expect' in given && name in given) ?? [];
        if (entity === undefined) return { tool, args };
        const [row] = await lab.query<{ version: number }>(
          `SELECT version FROM erp."${entity}" WHERE tenant_id = $1 AND id = $2`,
          lab.tenantId,
          given[entity],
        );
        return { tool, args: { ...given, expect: String(row?.version) } };
      }),
    );
  }
});

/** What the tools of the modules write to. */
const written = [
  ...['audit_case', 'audit_sample', 'bank_match', 'bill', 'claim', 'match_run', 'parked_entry'],
  ...['party', 'payroll_accrual', 'payslip', 'permit_reminder', 'purchase_request', 'stock_count'],
  ...['timesheet_query', 'valuation_variance'],
] as const;
