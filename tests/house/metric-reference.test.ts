import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { metricReferencePath, withMetricTable } from '../../scripts/metric-reference.ts';

describe('docs/telemetry.md', () => {
  it('lists the metrics that are declared', () => {
    const page = readFileSync(metricReferencePath, 'utf8');
    const hint = 'It is out of date; write it with: node scripts/metric-reference.ts';

    assert.equal(page, withMetricTable(page), hint);
  });
});
