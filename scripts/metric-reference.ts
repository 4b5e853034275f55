// Writes the table of metrics in docs/telemetry.md from the declarations; a test of the house compares the two.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Instrument,
  type InstrumentName,
  instruments,
  prometheusName,
} from '../core/base/telemetry/instruments.ts';
import { root } from './checks.ts';

/** Where the page is. */
export const metricReferencePath: string = join(root, 'docs/telemetry.md');

const [begin, end] = ['<!-- metrics: begin -->', '<!-- metrics: end -->'];

/** A page with the table of metrics in it as it is to be. */
export function withMetricTable(page: string): string {
  const from = page.indexOf(begin) + begin.length;
  return `${page.slice(0, from)}\n${metricTable()}\n${page.slice(page.indexOf(end))}`;
}

function metricTable(): string {
  const rows = (Object.keys(instruments) as InstrumentName[]).map((name) => {
    const { kind, unit, labels, about }: Instrument = instruments[name];
    const shown = labels.map((label) => `\`${label}\``).join(' ') || '–';
    return `| \`${name}\` | \`${prometheusName(name)}\` | ${kind} | \`${unit}\` | ${shown} | ${about} |`;
  });
  return [
    '| Metric | In Prometheus | Kind | Unit | Labels | What it tells |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

if (import.meta.main)
  writeFileSync(metricReferencePath, withMetricTable(readFileSync(metricReferencePath, 'utf8')));
