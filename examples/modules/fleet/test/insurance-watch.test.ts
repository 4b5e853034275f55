import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fixtureConnector, runAgent } from 'tutti/testing';
import { insuranceWatch } from '../insurance-watch.ts';
import { vehicle } from '../records.ts';

const car = (id: string, insuredUntil: string) => ({
  id,
  version: '1',
  plate: `DE-${id}`,
  company: 'MCG-DE',
  insuredUntil,
  status: 'in_use',
});

describe('the insurance watch', () => {
  it('reports cars whose insurance has ended or ends within 30 days, and no others', async () => {
    const cars = [car('1', '2026-06-29'), car('2', '2026-07-30'), car('3', '2026-07-31')];
    const connector = fixtureConnector([vehicle], new Map([['vehicle', cars]]));

    const { output, findings } = await runAgent(insuranceWatch, {
      module: 'fleet',
      input: { company: 'MCG-DE' },
      connector,
      entities: [vehicle],
      today: '2026-06-30',
    });

    assert.deepEqual(output, { checked: 3, flagged: 2 });
    assert.deepEqual(
      findings.map(({ kind, records }) => [kind, records[0]?.id]),
      [
        ['insurance.ended', '1'],
        ['insurance.ends_soon', '2'],
      ],
    );
  });
});
