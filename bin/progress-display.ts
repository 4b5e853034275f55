import {
  countOf,
  formatCost,
  formatCount,
  formatDuration,
  moduleName,
} from '../core/service/batch/format.ts';
import type { ModuleProgress, Progress, ProgressView } from '../core/service/batch/progress.ts';
import type { Terminal } from './terminal.ts';

/** Shows how a run stands, again and again. */
export interface ProgressDisplay {
  show(view: ProgressView, progress: Progress): void;
  /** Leaves the last state standing and lets other lines follow. */
  end(): void;
}

/** A picture that is drawn anew on a screen; a line now and then anywhere else. */
export function openDisplay(terminal: Terminal, workflow: string): ProgressDisplay {
  return terminal.isLive ? liveDisplay(terminal, workflow) : plainDisplay(terminal, workflow);
}

const redrawMs = 100;

function liveDisplay(terminal: Terminal, workflow: string): ProgressDisplay {
  let drawn = 0;
  let drawnAtMs = -Infinity;
  let pending: readonly string[] | null = null;
  const draw = (lines: readonly string[]): void => {
    const up = drawn > 0 ? `\u001b[${drawn}A` : '';
    terminal.draw(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join('')}\u001b[J`);
    drawn = lines.length;
    drawnAtMs = performance.now();
    pending = null;
  };
  return {
    show(view, progress) {
      pending = picture(terminal, workflow, { view, progress });
      if (performance.now() - drawnAtMs >= redrawMs) draw(pending);
    },
    end() {
      if (pending) draw(pending);
    },
  };
}

interface State {
  readonly view: ProgressView;
  readonly progress: Progress;
}

function picture(
  terminal: Terminal,
  workflow: string,
  { view, progress }: State,
): readonly string[] {
  const width = Math.max(10, Math.min(40, terminal.columns - 60));
  const names = view.modules.map((each) => moduleName(each.module));
  const longest = Math.max(workflow.length, ...names.map((name) => name.length));
  return [
    cut(
      terminal,
      `${terminal.bold(workflow.padEnd(longest))}  ${bar(view.ratio, width)} ${percent(view.ratio)}  ${headline(view)}`,
    ),
    ...view.modules.map((each, index) =>
      cut(
        terminal,
        `${(names[index] ?? '').padEnd(longest)}  ${bar(each.ended / Math.max(1, each.total), width)} ${moduleLine(each)}`,
      ),
    ),
    cut(terminal, terminal.dim(tail({ view, progress }))),
  ];
}

function headline(view: ProgressView): string {
  return `${formatCount(view.ended)} of ${countOf(view.total, 'agent')}, ${formatDuration(view.elapsedMs)}${remaining(view)}`;
}

function remaining(view: ProgressView): string {
  return view.remainingMs === null ? '' : `, about ${formatDuration(view.remainingMs)} left`;
}

function moduleLine(each: ModuleProgress): string {
  const parts = [
    `${formatCount(each.ended).padStart(5)}/${formatCount(each.total)}`,
    `${formatCount(each.running)} running`,
    countOf(each.findings, 'finding'),
  ];
  return [...parts, ...(each.failed > 0 ? [`${formatCount(each.failed)} failed`] : [])].join('  ');
}

function tail({ view, progress }: State): string {
  const { critical, high } = view.findings;
  return [
    `${formatCount(view.running)} running`,
    `${countOf(findingsOf(view), 'finding')} (${formatCount(critical)} critical, ${formatCount(high)} high)`,
    proposalsOf(progress),
    costOf(progress),
  ].join(' · ');
}

/** `12 proposals`, or what a rehearsal would have made of them. */
function proposalsOf({ proposals, rehearsal }: Progress): string {
  return rehearsal
    ? `${countOf(proposals.size, 'write')} not made`
    : countOf(proposals.size, 'proposal');
}

function costOf({ costMicroUsd, rehearsal }: Progress): string {
  return `${formatCost(costMicroUsd)} ${rehearsal ? 'simulated' : 'spent'}`;
}

function findingsOf({ findings }: ProgressView): number {
  return findings.critical + findings.high + findings.medium + findings.low;
}

function bar(ratio: number, width: number): string {
  const full = Math.round(ratio * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}

function percent(ratio: number): string {
  return `${Math.floor(ratio * 100)} %`.padStart(5);
}

/** A line that the screen would break could not be drawn over; colour codes take no room. */
function cut(terminal: Terminal, line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the colour codes of `terminal`.
  const bare = line.replace(/\u001b\[\d+m/g, '');
  return bare.length < terminal.columns ? line : bare.slice(0, terminal.columns - 1);
}

const firstMinuteMs = 60_000;

/** A line for every tenth that is done, and one when nothing was said for 2 s (after a minute 30 s). */
function plainDisplay(terminal: Terminal, workflow: string): ProgressDisplay {
  let saidTenth = 0;
  let saidAtMs = performance.now();
  const startedAtMs = saidAtMs;
  return {
    show(view, progress) {
      const now = performance.now();
      const tenth = Math.floor(view.ratio * 10);
      const patienceMs = now - startedAtMs < firstMinuteMs ? 2_000 : 30_000;
      if (tenth <= saidTenth && now - saidAtMs < patienceMs) return;
      saidTenth = Math.max(tenth, saidTenth);
      saidAtMs = now;
      terminal.say(
        `${workflow} ${percent(view.ratio)}  ${headline(view)}; ${formatCount(view.running)} running, ${countOf(findingsOf(view), 'finding')}, ${proposalsOf(progress)}, ${costOf(progress)}`,
      );
    },
    end() {},
  };
}
