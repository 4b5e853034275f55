import { plainName } from '../format.ts';
import type { RunRecord } from '../record.ts';
import { costs } from './costs.ts';
import { findingList } from './finding-list.ts';
import { Html, html } from './html.ts';
import { iconLink } from './icon.ts';
import { markShapes } from './marks.ts';
import { findingMatrix } from './matrix.ts';
import { overview } from './overview.ts';
import { proposalList } from './proposal-list.ts';
import { style } from './style.ts';
import { timeline } from './timeline.ts';
import { toolCalls } from './tool-calls.ts';
import { troubles } from './troubles.ts';

/**
 * The report of a run as one HTML page that needs nothing else: no script, no font, no picture is fetched. Every number
 * comes from the run's journal; figures carry their exact value in `data-value`.
 */
export function renderReport(record: RunRecord): string {
  const { head, group } = record;
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer"><title>${head.rehearsal && 'Rehearsal: '}${group}, ${plainName(head.workflow)}, ${head.businessDate}</title>
${iconLink}<style>${new Html(style)}</style></head>
<body data-run="${head.id}" data-status="${head.status}"${head.rehearsal && html` data-rehearsal="true"`}><div class="page">${markShapes}
${overview(record)}
<nav aria-label="Contents"><a href="#found">What was found</a><a href="#timeline">How the run went</a><a href="#findings">Findings</a><a href="#proposals">Proposals</a><a href="#troubles">Failures</a><a href="#costs">Cost</a><a href="#tools">Tool calls</a></nav>
${findingMatrix(record)}
${timeline(record)}
${findingList(record)}
${proposalList(record)}
${troubles(record)}
${costs(record)}
${toolCalls(record)}
<footer>Computed from the journal of run <code>${head.id}</code>, started ${head.createdAt.toISOString().slice(0, 19).replace('T', ' ')} UTC.</footer>
</div></body></html>
`;
  return page.text;
}
