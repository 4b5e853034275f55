import { moduleOf } from '../../../sdk/qualified-name.ts';
import { formatCount } from '../format.ts';
import { modulesOf, type RunRecord } from '../record.ts';
import { type Html, html } from './html.ts';
import { moduleMark } from './marks.ts';

/** How often each tool was called, what it read, and what came of it. */
export function toolCalls(record: RunRecord): Html {
  const modules = modulesOf(record);
  const { toolCalls: calls, recordsRead } = record.summary;
  return html`<section id="tools"><h2>Tool calls</h2>
<p class="soft">Everything that agents did went through these tools, each call decided and recorded.</p>
<div class="wrap"><table><thead><tr><th scope="col">Tool</th><th scope="col">Effect</th><th scope="col" class="number">Calls</th><th scope="col" class="number">Records read</th><th scope="col">Outcomes</th></tr></thead>
<tbody>${record.tools.map(
    (use) =>
      html`<tr><th scope="row">${moduleMark(Math.max(0, modules.indexOf(moduleOf(use.tool))) % 8)}${use.tool}</th><td class="soft">${use.effect}</td><td class="number" data-calls="${use.calls}">${formatCount(use.calls)}</td><td class="number">${formatCount(use.records)}</td><td class="soft">${[...use.outcomes].map(([outcome, count]) => `${formatCount(count)} ${outcome === 'result' ? 'answered' : outcome}`).join(', ')}</td></tr>`,
  )}</tbody><tfoot><tr><th scope="row">All tools</th><td></td><td class="number">${formatCount(calls)}</td><td class="number">${formatCount(recordsRead)}</td><td></td></tr></tfoot></table></div></section>`;
}
