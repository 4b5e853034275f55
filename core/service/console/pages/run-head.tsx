import type { ReactElement } from 'react';
import type { Line } from '../api/events.ts';
import type { RunDetail } from '../api/shapes.ts';
import { hrefOf } from '../app/route.ts';
import { type Figure, Figures } from '../parts/figures.tsx';
import { Moment } from '../parts/moment.tsx';
import { ShareBar } from '../parts/share-bar.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { countText, spanText, usdText } from '../parts/text-of.ts';
import { RunActions } from './run-actions.tsx';

const lines: Readonly<Record<Line, string>> = {
  connecting: 'connecting…',
  live: 'live',
  lost: 'connection lost, trying again',
  ended: '',
};

/** What a run is, how far it is, and what can be done with it. */
export function RunHead({
  run,
  line,
  onChanged,
}: {
  readonly run: RunDetail;
  readonly line: Line;
  readonly onChanged: () => void;
}): ReactElement {
  const { steps } = run.summary;
  const { succeeded, failed, skipped, total } = steps;
  const said = `${countText(succeeded)} succeeded, ${countText(failed)} failed, ${countText(skipped)} skipped of ${countText(total)} steps`;
  return (
    <section className="head">
      <div className="title">
        <h1>{run.workflow}</h1>
        <StateMark state={run.status} />
        {run.rehearsal && <span className="tag">rehearsal: simulated calls, no writes</span>}
        <span className="soft">{lines[line]}</span>
        <RunActions run={run} onChanged={onChanged} />
      </div>
      {run.goal !== null && <p className="goal">{run.goal}</p>}
      <Origin run={run} />
      <ShareBar
        label={said}
        whole={total}
        parts={[
          { tone: 'good', size: succeeded },
          { tone: 'bad', size: failed },
          { tone: 'calm', size: skipped },
        ]}
      />
      <p className="soft">{said}</p>
      <Figures of={figuresOf(run)} />
    </section>
  );
}

function Origin({ run }: { readonly run: RunDetail }): ReactElement {
  return (
    <p className="soft">
      {`${run.company ?? 'Whole group'}, business date ${run.businessDate}, priority ${run.priority}; made `}
      <Moment at={run.createdAt} />
      {run.endedAt !== null && (
        <>
          , ended <Moment at={run.endedAt} />
        </>
      )}
      {run.endedAt === null && run.deadlineAt !== null && (
        <>
          , cancelled if not ended by <Moment at={run.deadlineAt} />
        </>
      )}
      {run.retryOf !== null && (
        <>
          ; does again what failed of <a href={hrefOf(['runs', run.retryOf])}>an earlier run</a>
        </>
      )}
      {run.retriedBy !== null && (
        <>
          ; its failed steps are done again by{' '}
          <a href={hrefOf(['runs', run.retriedBy])}>a later run</a>
        </>
      )}
    </p>
  );
}

function figuresOf({ id, rehearsal, summary }: RunDetail): readonly Figure[] {
  const { tokens, observed } = summary;
  return [
    { name: 'Took', value: spanText(summary.durationMs) },
    {
      name: rehearsal ? 'Cost (simulated)' : 'Cost',
      value: usdText(summary.costMicroUsd),
      note: `${countText(tokens.input)} tokens in, ${countText(tokens.output)} out`,
    },
    {
      name: 'Agents',
      value: countText(summary.agents),
      ...(summary.steps.degraded > 0 && {
        note: `${countText(summary.steps.degraded)} by playbook`,
      }),
    },
    {
      name: 'Tool calls',
      value: countText(summary.toolCalls),
      note: `${countText(summary.recordsRead)} records read`,
    },
    {
      name: 'Findings',
      value: countText(summary.findings),
      href: hrefOf(['findings'], { run: id }),
    },
    {
      name: 'Proposals',
      value: countText(summary.proposals),
      href: hrefOf(['approvals'], { view: 'proposals', run: id }),
      ...(observed > 0 && { note: `${countText(observed)} only observed` }),
    },
  ];
}
