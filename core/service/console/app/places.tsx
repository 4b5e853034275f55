import type { ReactElement } from 'react';
import { ApprovalPage } from '../pages/approval.tsx';
import { ApprovalsPage } from '../pages/approvals.tsx';
import { CostsPage } from '../pages/costs.tsx';
import { FindingsPage } from '../pages/findings.tsx';
import { LimitsPage } from '../pages/limits.tsx';
import { OverviewPage } from '../pages/overview.tsx';
import { RunPage } from '../pages/run.tsx';
import { RunsPage } from '../pages/runs.tsx';
import { SchedulesPage } from '../pages/schedules.tsx';
import { StepPage } from '../pages/step.tsx';
import { EmptyNote } from '../parts/empty-note.tsx';
import { hrefOf, type Route } from './route.ts';

/** What the console has, in the order of its way there. */
export const places: readonly { readonly path: string; readonly name: string }[] = [
  { path: '', name: 'Overview' },
  { path: 'runs', name: 'Runs' },
  { path: 'approvals', name: 'Approvals' },
  { path: 'findings', name: 'Findings' },
  { path: 'limits', name: 'Limits' },
  { path: 'costs', name: 'Costs' },
  { path: 'schedules', name: 'Schedules' },
];

/** The page of a place. */
export function pageOf(route: Route): ReactElement {
  const [place = '', id, part, step] = route.parts;
  switch (place) {
    case '':
      return <OverviewPage />;
    case 'runs':
      if (id === undefined) return <RunsPage route={route} />;
      if (part === 'steps' && step !== undefined) return <StepPage runId={id} path={step} />;
      return <RunPage route={route} id={id} />;
    case 'approvals':
      if (id === undefined) return <ApprovalsPage route={route} />;
      return <ApprovalPage id={id} />;
    case 'findings':
      return <FindingsPage route={route} />;
    case 'limits':
      return <LimitsPage />;
    case 'costs':
      return <CostsPage route={route} />;
    case 'schedules':
      return <SchedulesPage />;
    default:
      return (
        <>
          <h1>Not found</h1>
          <EmptyNote>
            There is no such page. <a href={hrefOf([])}>Go to the overview.</a>
          </EmptyNote>
        </>
      );
  }
}
