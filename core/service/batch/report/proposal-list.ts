import type { ProposalView } from '../../../engine/history/views.ts';
import { formatCount, moduleName, plainName, toolPhrase } from '../format.ts';
import { modulesOf, type RunRecord } from '../record.ts';
import { type Html, html } from './html.ts';
import { moduleMark } from './marks.ts';

/** What agents would change in the ERP once a person agrees, by module and tool. */
export function proposalList(record: RunRecord): Html {
  const modules = modulesOf(record);
  const byTool = [...Map.groupBy(record.proposals, (proposal) => proposal.tool)].sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  return html`<section id="proposals"><h2>Proposals open</h2>
<p class="soft">${byTool.length === 0 ? 'Nothing waits for a decision.' : 'Changes that agents ask for. Nothing of this is in the ERP until a person agrees.'}</p>
${byTool.map(
  ([
    tool,
    proposals,
  ]) => html`<details><summary><span class="module">${moduleMark(Math.max(0, modules.indexOf(proposals[0]?.module ?? '')) % 8)}${moduleName(proposals[0]?.module ?? '')}</span><span>${toolPhrase(tool)}</span><span class="count" data-tool="${tool}" data-value="${proposals.length}">${formatCount(proposals.length)}</span></summary>
<table><thead>${heads}</thead><tbody>${proposals.map(row)}</tbody></table></details>`,
)}
${decidedList(record.decided)}</section>`;
}

/** What became of those that people have decided. */
function decidedList(decided: readonly ProposalView[]): Html {
  if (decided.length === 0) return html``;
  return html`<details><summary><span>Decided</span><span class="count" data-value="${decided.length}">${formatCount(decided.length)}</span></summary>
<table><thead>${heads}</thead><tbody>${decided.map(row)}</tbody></table></details>`;
}

const heads = html`<tr><th scope="col">Record</th><th scope="col">Asked for</th><th scope="col">By</th><th scope="col">Became</th></tr>`;

function row(proposal: ProposalView): Html {
  const { entity, targetId, args, agent, became } = proposal;
  const target = entity === null ? '–' : `${entity.replaceAll('_', ' ')} ${targetId ?? ''}`;
  return html`<tr data-proposal="${proposal.key}"><td class="nowrap">${target}</td><td class="what">${args === null ? 'Its text has been erased.' : shortly(args)}</td><td class="nowrap soft">${agent === null ? '' : plainName(agent)}</td><td class="nowrap">${became.replaceAll('_', ' ')}</td></tr>`;
}

const longest = 240;

/** Arguments as `name value` pairs; what is nested stays JSON, and what is long is cut. */
function shortly(args: unknown): string {
  const text =
    typeof args === 'object' && args !== null && !Array.isArray(args)
      ? Object.entries(args)
          .map(
            ([name, value]) =>
              `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`,
          )
          .join(' · ')
      : JSON.stringify(args);
  return text.length > longest ? `${text.slice(0, longest)} …` : text;
}
