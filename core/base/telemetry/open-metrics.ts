import { type InstrumentName, prometheusName } from './instruments.ts';
import type { Distribution, Family, Point } from './metrics.ts';

/** A text that Prometheus and its kin read. */
export interface MetricsPage {
  /** Value of the header `Content-Type`. */
  readonly type: string;
  readonly text: string;
}

/**
 * Writes metrics down: as OpenMetrics 1.0 where the reader asks for that (`Accept`), else in the older text format, which every reader knows.
 * @see https://prometheus.io/docs/specs/om/open_metrics_spec/ · https://prometheus.io/docs/instrumenting/exposition_formats/ (2026-11)
 */
export function writeMetrics(families: readonly Family[], accept = ''): MetricsPage {
  const isOpen = accept.includes('application/openmetrics-text');
  const lines = families.flatMap((family) => linesOf(family, isOpen));
  return {
    type: isOpen
      ? 'application/openmetrics-text; version=1.0.0; charset=utf-8'
      : 'text/plain; version=0.0.4; charset=utf-8',
    text: [...lines, ...(isOpen ? ['# EOF'] : []), ''].join('\n'),
  };
}

function linesOf({ name, instrument, points }: Family, isOpen: boolean): readonly string[] {
  const full = prometheusName(name);
  // A family of OpenMetrics is named without the `_total` that its samples have.
  const family = isOpen ? full.replace(/_total$/, '') : full;
  return [
    `# TYPE ${family} ${instrument.kind}`,
    ...(isOpen ? unitLine(name, family) : []),
    `# HELP ${family} ${instrument.about.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`,
    ...points.flatMap((point) => samplesOf(full, point, instrument.buckets ?? [])),
  ];
}

function unitLine(name: InstrumentName, family: string): readonly string[] {
  const unit = /_(seconds|bytes|ratio)$/.exec(family)?.[1];
  return unit === undefined || name.endsWith(unit) ? [] : [`# UNIT ${family} ${unit}`];
}

function samplesOf(
  name: string,
  { labels, value }: Point,
  buckets: readonly number[],
): readonly string[] {
  if (typeof value === 'number') return [`${name}${labelsOf(labels)} ${value}`];
  let below = 0;
  const bounds = [...buckets.map(String), '+Inf'];
  const cumulative = bounds.map((le, index) => {
    below += (value as Distribution).counts[index] ?? 0;
    return `${name}_bucket${labelsOf({ ...labels, le })} ${below}`;
  });
  return [
    ...cumulative,
    `${name}_sum${labelsOf(labels)} ${value.sum}`,
    `${name}_count${labelsOf(labels)} ${value.count}`,
  ];
}

function labelsOf(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([label, value]) => `${label.replace(/[^a-zA-Z0-9_]/g, '_')}="${escaped(value)}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
