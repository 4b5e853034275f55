import { type ReactElement, useState } from 'react';
import { type Step, type StepStatus, stepStatuses } from '../api/shapes.ts';
import { narrow, type Route } from '../app/route.ts';
import { EmptyNote } from '../parts/empty-note.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { countText } from '../parts/text-of.ts';
import { TypedFilter } from '../parts/typed-filter.tsx';
import type { StepsView } from './step-store.ts';
import { StepTable } from './step-table.tsx';

const atFirst = 50;

/** The steps of a run in groups by their state, failures first; narrowed to one state, or to what has a word in its name. */
export function StepList({
  runId,
  route,
  view,
  onRetry,
}: {
  readonly runId: string;
  readonly route: Route;
  readonly view: StepsView;
  readonly onRetry: () => void;
}): ReactElement {
  const [state, word] = [route.query.get('steps') ?? '', route.query.get('named') ?? ''];
  const groups = Map.groupBy(view.steps?.values() ?? [], ({ status }) => status);
  const shown = stepStatuses.filter(
    (status) => groups.has(status) && (state === '' || state === status),
  );
  return (
    <section>
      <h2>Steps</h2>
      {view.problem && <ProblemNote problem={view.problem} onRetry={onRetry} />}
      <div className="filters">
        <StateFilter route={route} groups={groups} chosen={state} />
        <TypedFilter
          key={word}
          label="Named"
          value={word}
          onType={(named) => narrow(route, { named })}
        />
      </div>
      {view.steps === null && !view.problem && <p className="wait">Loading…</p>}
      {view.steps !== null && shown.length === 0 && (
        <EmptyNote>No step is in this state.</EmptyNote>
      )}
      {shown.map((status) => (
        <Group
          key={`${status} ${word}`}
          runId={runId}
          status={status}
          steps={named(groups.get(status) ?? [], word)}
        />
      ))}
      {view.isCut && (
        <p className="soft">
          The run has more steps than these; <code>GET /v1/runs/{runId}/steps</code> lists all.
        </p>
      )}
    </section>
  );
}

function StateFilter({
  route,
  groups,
  chosen,
}: {
  readonly route: Route;
  readonly groups: ReadonlyMap<StepStatus, readonly Step[]>;
  readonly chosen: string;
}): ReactElement {
  return (
    <fieldset className="states">
      <legend className="unseen">State of steps</legend>
      {['', ...stepStatuses.filter((status) => groups.has(status))].map((status) => (
        <button
          key={status}
          type="button"
          className="button"
          aria-pressed={status === chosen}
          onClick={() => narrow(route, { steps: status })}
        >
          {status === ''
            ? 'all'
            : `${status} ${countText(groups.get(status as StepStatus)?.length ?? 0)}`}
        </button>
      ))}
    </fieldset>
  );
}

function Group({
  runId,
  status,
  steps,
}: {
  readonly runId: string;
  readonly status: StepStatus;
  readonly steps: readonly Step[];
}): ReactElement | null {
  const [most, setMost] = useState(atFirst);
  if (steps.length === 0) return null;
  // What is over and well is looked at on request.
  return (
    <details className="group" open={status !== 'succeeded' || steps.length <= atFirst}>
      <summary>
        <StateMark state={status} /> <span className="soft">{countText(steps.length)}</span>
      </summary>
      <StepTable runId={runId} steps={steps.slice(0, most)} />
      {steps.length > most && (
        <button type="button" className="button more" onClick={() => setMost(most + 10 * atFirst)}>
          Show more of {countText(steps.length)}
        </button>
      )}
    </details>
  );
}

function named(steps: readonly Step[], word: string): readonly Step[] {
  if (word === '') return steps;
  const asked = word.toLowerCase();
  return steps.filter(({ node, itemKey, agent }) =>
    `${node}[${itemKey}] ${agent}`.toLowerCase().includes(asked),
  );
}
