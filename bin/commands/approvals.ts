import { Approvals } from '../../core/engine/approvals/approvals.ts';
import { foundFor } from '../../core/engine/approvals/found.ts';
import { linesOf, visible } from '../../core/engine/approvals/shown.ts';
import type { ApprovalView, AskedEffect, VoteView } from '../../core/engine/approvals/view.ts';
import { Findings, type TriagedFinding } from '../../core/engine/findings/findings.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { readList, withReading } from '../call-reading.ts';
import { askedList, type Command, exit } from '../command.ts';
import { table } from '../terminal.ts';
import { listed } from '../usages/amounts.ts';

/** `tutti approvals`: what people are asked. */
export const approvals: Command = (call) => {
  const asked = askedList(call);
  const isAll = call.args.has('all');
  return withReading(call, async (reading) => {
    const { terminal } = call;
    const store = new Approvals(reading.database.pool('tutti_engine', 1), reading.config.roles);
    const findings = new Findings(reading.database);
    const found = await readList(reading, asked, async (tenantId, { runId }) => {
      const questions = await store.list(tenantId, {
        limit: listed.approvals + 1,
        ...(!isAll && { state: 'open' }),
        ...(runId !== undefined && { runId }),
      });
      const reasons = await foundFor(findings, questions, { tenantId });
      return questions.map((each, index): Told => ({ ...each, findings: reasons[index] ?? [] }));
    });
    const told = found.slice(0, listed.approvals);
    if (terminal.isJson) terminal.print(told);
    else {
      for (const each of told) {
        terminal.say(`${terminal.bold(each.id)}  ${visible(each.title)}`);
        for (const line of describe(each)) terminal.say(`  ${line}`);
        terminal.say();
      }
      const open = told.filter(({ state }) => state === 'open').length;
      const more = found.length > told.length;
      terminal.say(
        more
          ? `${countOf(open, 'approval')} open of the newest ${told.length}, and there are more: those of one run by --run ID, how many by tutti status.`
          : `${countOf(open, 'approval')} open.`,
      );
    }
    return exit.done;
  });
};

/** A question with what the agent has found about the records in it. */
type Told = ApprovalView & { readonly findings: readonly TriagedFinding[] };

/** What a person must know to decide, as aligned lines. */
function describe(view: Told): readonly string[] {
  const { workflow, path, requestedBy, deciders, persons, required, yeses } = view;
  const shown = linesOf(view.shown).map(({ label, text }) => [label || 'value', text]);
  const who = deciders.join(', ');
  const names = persons.join(', ');
  const rows = [
    ...shown,
    ...view.findings.map(({ summary }) => ['found', visible(summary) || '(erased)']),
    ['asked by', `${askedBy(requestedBy)}, in ${[workflow, path].filter(Boolean).join(' ')}`],
    ...(view.effect ? [['then', thenOf(view.effect)]] : []),
    ['decide', who === names ? who : `${who} (${names || 'nobody holds such a role'})`],
    ...(view.escalateAt && view.escalatedAt === null && view.state === 'open'
      ? [['from', `${moment(view.escalateAt)} also ${view.escalateTo.join(', ')}`]]
      : []),
    [view.state === 'open' ? 'until' : view.state, moment(view.closedAt ?? view.expiresAt)],
    ['yes', `${yeses} of ${required}`],
    ...view.votes.map((vote) => [vote.decision === 'granted' ? 'said yes' : 'said no', said(vote)]),
  ];
  return table(rows);
}

function askedBy({ id, agent }: ApprovalView['requestedBy']): string {
  return agent === undefined ? id : `${id} through ${agent}`;
}

function thenOf({ waits, applyRun }: AskedEffect): string {
  if (waits) return 'its step goes on';
  return applyRun === null ? 'it is carried out by a run of its own' : `carried out by ${applyRun}`;
}

function said({ person, onBehalfOf, note, at }: VoteView): string {
  const whom = onBehalfOf === null ? person : `${person} for ${onBehalfOf}`;
  return `${whom}, ${moment(at)}${note === null ? '' : `: ${visible(note)}`}`;
}

const moment = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
