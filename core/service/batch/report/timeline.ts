import { countOf, formatCount, formatDuration, moduleName } from '../format.ts';
import { type AgentStep, modulesOf, type RunRecord } from '../record.ts';
import { countOpen, round, scale, ticks } from './chart.ts';
import { type Html, html } from './html.ts';

const width = 1016;
const left = 120;
const laneHeight = 58;
const laneGap = 16;
const barHeight = 24;
const slowestShown = 12;
/** What a letter of a label takes, about. */
const letterWidth = 6.6;

interface Timed extends AgentStep {
  readonly fromMs: number;
  readonly toMs: number;
}

/** When the agents of each module ran (their last attempts), and which steps took longest. */
export function timeline(record: RunRecord): Html {
  const startMs = record.head.createdAt.getTime();
  const endMs = startMs + record.summary.durationMs;
  const steps: readonly Timed[] = record.steps.flatMap((step) =>
    step.startedAtMs === null
      ? []
      : [
          {
            ...step,
            fromMs: step.startedAtMs - startMs,
            toMs: (step.endedAtMs ?? endMs) - startMs,
          },
        ],
  );
  const spanMs = Math.max(record.summary.durationMs, ...steps.map((step) => step.toMs), 1);
  const modules = modulesOf(record);
  return html`<section id="timeline"><h2>How the run went</h2>
<p class="soft">Agents that ran at the same time, by module. Below, the agents whose slowest step took longest, each with that step.</p>
${lanes(steps, modules, spanMs)}${slowest(steps, modules, spanMs)}</section>`;
}

function lanes(steps: readonly Timed[], modules: readonly string[], spanMs: number): Html {
  const bottom = modules.length * (laneHeight + laneGap);
  const x = scale(spanMs, { from: left, span: width - left - 8 });
  const series = modules.map((module) => countOpen(steps.filter((step) => step.module === module)));
  const most = Math.max(1, ...series.flatMap((points) => points.map((point) => point.open)));
  return html`<svg class="chart" viewBox="0 0 ${width} ${bottom + 24}" role="img" aria-label="Agents running over time, by module">
${timeRules(spanMs, x, bottom)}
${modules.map((module, index) => {
  const points = series[index] ?? [];
  const base = index * (laneHeight + laneGap) + laneHeight;
  const peak = Math.max(0, ...points.map((point) => point.open));
  const y = (open: number): number => round(base - (open / most) * laneHeight);
  const line = edge(points, x, y);
  return html`<g class="m${index % 8}" data-lane="${module}" data-peak="${peak}"><text class="name" x="0" y="${base - 18}">${moduleName(module)}</text>
<text x="0" y="${base - 2}">${peak === 0 ? 'none' : `up to ${formatCount(peak)}`}</text>
${line !== '' && html`<path class="area" d="M${x(points[0]?.atMs ?? 0)} ${base}${line}V${base}Z"/><path class="edge" d="M${x(points[0]?.atMs ?? 0)} ${base}${line}"/>`}
<line class="base" x1="${left}" x2="${width - 8}" y1="${base}" y2="${base}"/></g>`;
})}</svg>`;
}

/** The outline of a step function; points of one pixel are drawn as their highest, so that a long run stays a short path. */
function edge(
  points: readonly { readonly atMs: number; readonly open: number }[],
  x: (ms: number) => number,
  y: (open: number) => number,
): string {
  const parts: string[] = [];
  let index = 0;
  while (index < points.length) {
    const at = Math.round(x(points[index]?.atMs ?? 0) * 2) / 2;
    let highest = 0;
    let last = 0;
    for (
      ;
      index < points.length && Math.round(x(points[index]?.atMs ?? 0) * 2) / 2 === at;
      index += 1
    ) {
      last = points[index]?.open ?? 0;
      highest = Math.max(highest, last);
    }
    parts.push(`H${at}V${y(highest)}`, ...(last === highest ? [] : [`H${at + 0.5}V${y(last)}`]));
  }
  return parts.join('');
}

function slowest(steps: readonly Timed[], modules: readonly string[], spanMs: number): Html {
  const longest = [...steps].sort((a, b) => b.toMs - b.fromMs - (a.toMs - a.fromMs));
  // One step an agent: the items of one foreach take about the same and would fill the picture with themselves.
  const shown = [...Map.groupBy(longest, (step) => step.agent).values()]
    .flatMap((ofAgent) => ofAgent.slice(0, 1))
    .slice(0, slowestShown);
  const x = scale(spanMs, { from: left, span: width - left - 8 });
  const bottom = shown.length * barHeight;
  return html`<svg class="chart" viewBox="0 0 ${width} ${bottom + 24}" role="img" aria-label="The steps that took longest">
${timeRules(spanMs, x, bottom)}
${shown.map((step, index) => {
  const y = index * barHeight + 4;
  const from = x(step.fromMs);
  const to = Math.max(x(step.toMs), from + 2);
  // The label stands where there is room for it.
  const label = `${step.path} · ${formatDuration(step.toMs - step.fromMs)}`;
  const room = 8 + label.length * letterWidth;
  const text =
    to + room < width
      ? html`<text class="name" x="${round(to + 8)}" y="${y + 12}">${label}</text>`
      : from > room
        ? html`<text class="name" x="${round(from - 8)}" y="${y + 12}" text-anchor="end">${label}</text>`
        : html`<text class="name inside" x="${round(from + 8)}" y="${y + 12}">${cut(label, width - from - 16)}</text>`;
  return html`<g class="m${modules.indexOf(step.module) % 8}"><rect class="bar" x="${from}" y="${y + 1}" width="${round(to - from)}" height="14" rx="2"><title>${step.agent}, ${countOf(step.attempt, 'attempt')}</title></rect>${text}</g>`;
})}</svg>`;
}

/** A label that fits into so many pixels. */
function cut(label: string, pixels: number): string {
  const letters = Math.floor(pixels / letterWidth);
  return label.length <= letters ? label : `${label.slice(0, letters - 1)}…`;
}

function timeRules(spanMs: number, x: (ms: number) => number, bottom: number): Html {
  const seconds = ticks(spanMs / 1_000, [15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200]);
  return html`${seconds.map(
    (each) =>
      html`<line class="rule" x1="${x(each * 1_000)}" x2="${x(each * 1_000)}" y1="0" y2="${bottom}"/><text x="${x(each * 1_000)}" y="${bottom + 17}" text-anchor="middle">${tickLabel(each)}</text>`,
  )}`;
}

function tickLabel(seconds: number): string {
  if (seconds >= 3_600 && seconds % 900 === 0) return `${round(seconds / 3_600)} h`;
  if (seconds >= 60 && seconds % 15 === 0) return `${round(seconds / 60)} min`;
  return seconds === 0 ? '0' : `${round(seconds)} s`;
}
