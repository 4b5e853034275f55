import type { FindingView } from '../../engine/history/views.ts';
import {
  countOf,
  formatAmount,
  formatCost,
  formatDay,
  formatDuration,
  moduleName,
  plainName,
  toolPhrase,
} from './format.ts';
import { countFindings, type MorningReport } from './morning-report.ts';
import { type CurrencySum, sumAmounts } from './record.ts';

/** How a report is written. */
export interface ReportStyle {
  /** What links to the pages begin with; null: there are none. */
  readonly link: string | null;
  /** Whether the sentences of findings go along, which may name persons. */
  readonly summaries: boolean;
}

/** A part of a report: a heading with its lines. */
export interface ReportSection {
  readonly title: string;
  readonly lines: readonly string[];
}

/** Findings and proposals that are shown one by one; the page has all. */
const shown = 10;

const statusWords: Readonly<Record<string, string>> = { partial: 'succeeded in part' };

/** The subject of a mail. */
export function subjectOf({ head, newFindings, failedSteps }: MorningReport): string {
  const failed = failedSteps.length > 0 ? `, ${countOf(failedSteps.length, 'step')} failed` : '';
  const status = statusWords[head.status] ?? head.status;
  return `Tutti: ${plainName(head.workflow)} of ${head.businessDate} ${status}, ${countOf(newFindings.length, 'new finding')}${failed}`;
}

/** What people read in the morning, in the order in which they ask. */
export function sectionsOf(report: MorningReport, style: ReportStyle): readonly ReportSection[] {
  const { newFindings, goneFindings, openFindings, uncheckedFindings } = report;
  const found: readonly (readonly [string, readonly FindingView[]])[] = [
    ['New findings', newFindings],
    ['Gone', goneFindings],
    ['Still open', openFindings],
    ['Not looked at again, because their agents failed', uncheckedFindings],
  ];
  return [
    { title: titleOf(report), lines: headLines(report) },
    ...found
      .filter(([, findings], index) => index === 0 || findings.length > 0)
      .map(([title, findings], index) => ({
        title: `${title}: ${findings.length}${amountsOf(sumAmounts(findings))}`,
        lines: [
          ...countFindings(findings).map(
            ({ module, severity, count, amounts }) =>
              `${moduleName(module)}, ${severity}: ${count}${amountsOf(amounts)}`,
          ),
          ...(index === 0 ? oneByOne(findings, style) : []),
        ],
      })),
    ...proposalSection(report),
    ...failureSection(report),
    ...linkSection(report, style),
  ];
}

/** The report as plain text. */
export function textOf(report: MorningReport, style: ReportStyle): string {
  return sectionsOf(report, style)
    .map(({ title, lines }) => [title, ...lines.map((line) => `  ${line}`)].join('\n'))
    .join('\n\n');
}

/** Where the pages of a run are. */
export function linkOf({ link }: ReportStyle, runId: string): string | null {
  return link === null ? null : `${link.replace(/\/+$/, '')}/report/${runId}`;
}

function titleOf({ head }: MorningReport): string {
  const whose = head.company === null ? '' : ` of ${head.company}`;
  const status = statusWords[head.status] ?? head.status;
  return `${formatDay(head.businessDate)}: ${plainName(head.workflow)}${whose} ${status}`;
}

function headLines({ summary, since }: MorningReport): readonly string[] {
  const { costMicroUsd, durationMs, steps } = summary;
  const was = (text: string): string => (since ? ` (the night before: ${text})` : '');
  return [
    since
      ? `Compared with the night of ${since.head.businessDate}.`
      : 'There is no night before it to compare with.',
    `${countOf(summary.agents, 'agent')}, ${steps.failed} of ${countOf(steps.total, 'step')} failed, ${countOf(steps.degraded, 'step')} by playbook instead of a model`,
    `Cost ${formatCost(costMicroUsd)}${was(formatCost(since?.summary.costMicroUsd ?? 0))}`,
    `Duration ${formatDuration(durationMs)}${was(formatDuration(since?.summary.durationMs ?? 0))}`,
  ];
}

function oneByOne(findings: readonly FindingView[], { summaries }: ReportStyle): readonly string[] {
  const lines = findings.slice(0, shown).map((finding) => {
    const { severity, company, kind, known, amount, currency, records, summary } = finding;
    const what = summaries && summary !== '' ? summary : recordsOf(records);
    const money = amount === null ? '' : `, ${formatAmount(amount)} ${currency ?? ''}`.trimEnd();
    return `– ${severity}, ${company ?? 'group'}, ${kind.replaceAll(/[._]/g, ' ')}${money}: ${what}${known ? ' (back again)' : ''}`;
  });
  const more = findings.length - lines.length;
  return more > 0 ? [...lines, `… and ${more} more`] : lines;
}

function recordsOf(records: FindingView['records']): string {
  const some = records.slice(0, 3).map(({ entity, id }) => `${entity.replaceAll('_', ' ')} ${id}`);
  return records.length > 3 ? `${some.join(', ')} and ${records.length - 3} more` : some.join(', ');
}

function proposalSection(report: MorningReport): readonly ReportSection[] {
  const { newProposals, waitingProposals } = report;
  if (newProposals.length + waitingProposals === 0) return [];
  const byTool = [...Map.groupBy(newProposals, ({ tool }) => tool)].sort(
    ([, a], [, b]) => b.length - a.length,
  );
  return [
    {
      title: `New proposals: ${newProposals.length}, ${waitingProposals} in all wait for a person`,
      lines: byTool.map(([tool, of]) => `${of.length} ${toolPhrase(tool)}`),
    },
  ];
}

function failureSection({ failedSteps }: MorningReport): readonly ReportSection[] {
  if (failedSteps.length === 0) return [];
  const lines = failedSteps
    .slice(0, shown)
    .map(({ path, agent, code }) => `${path}${agent === null ? '' : ` (${agent})`}: ${code}`);
  const more = failedSteps.length - lines.length;
  return [
    {
      title: `Failed: ${failedSteps.length}`,
      lines: more > 0 ? [...lines, `… and ${more} more`] : lines,
    },
  ];
}

function linkSection({ head, since }: MorningReport, style: ReportStyle): readonly ReportSection[] {
  const own = linkOf(style, head.id);
  if (own === null) return [];
  const other = since ? linkOf(style, since.head.id) : null;
  return [{ title: 'More', lines: [own, ...(other === null ? [] : [`Before: ${other}`])] }];
}

function amountsOf(amounts: readonly CurrencySum[]): string {
  if (amounts.length === 0) return '';
  return `, ${amounts.map(({ currency, amount }) => `${formatAmount(amount)} ${currency}`).join(', ')}`;
}
