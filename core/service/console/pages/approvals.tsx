import type { ReactElement } from 'react';
import { type Approval, approvalStates } from '../api/shapes.ts';
import { hrefOf, narrow, type Route } from '../app/route.ts';
import { usePages } from '../app/use-resource.ts';
import { Choice } from '../parts/choice.tsx';
import { EmptyNote } from '../parts/empty-note.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Moment } from '../parts/moment.tsx';
import { MoreButton } from '../parts/more-button.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { ProposalList } from './proposal-list.tsx';

const everyMs = 5_000;

/** What people are asked; and what agents would change, whether somebody is asked about it or not. */
export function ApprovalsPage({ route }: { readonly route: Route }): ReactElement {
  const [view, run] = [route.query.get('view'), route.query.get('run') ?? ''];
  const kept = run === '' ? {} : { run };
  return (
    <>
      <h1>Approvals</h1>
      <nav className="tabs" aria-label="Kinds">
        <a href={hrefOf(['approvals'], kept)} aria-current={view === null ? 'page' : undefined}>
          Questions
        </a>
        <a
          href={hrefOf(['approvals'], { ...kept, view: 'proposals' })}
          aria-current={view === 'proposals' ? 'page' : undefined}
        >
          Proposals
        </a>
      </nav>
      {run !== '' && (
        <p className="soft">
          Those of <a href={hrefOf(['runs', run])}>one run</a> only.{' '}
          <a href={hrefOf(['approvals'], { view })}>Show those of all runs.</a>
        </p>
      )}
      {view === 'proposals' ? <ProposalList run={run} /> : <Questions route={route} run={run} />}
    </>
  );
}

function Questions({ route, run }: { readonly route: Route; readonly run: string }): ReactElement {
  const state = route.query.get('state') ?? 'open';
  const asked = { state: state === 'any' ? '' : state, run, limit: 50 };
  const approvals = usePages<Approval>('v1/approvals', asked, everyMs);
  return (
    <>
      <div className="filters">
        <Choice
          label="State"
          value={state}
          options={['any', ...approvalStates]}
          onChoose={(state) => narrow(route, { state })}
        />
      </div>
      <Loaded from={approvals}>
        {(items) =>
          items.length === 0 ? (
            <EmptyNote>
              {state === 'open'
                ? 'Nobody is asked anything. Questions come here when an agent would do what needs a person’s yes.'
                : 'No question is in this state.'}
            </EmptyNote>
          ) : (
            <Table label="Questions" columns={columns} rows={items} keyOf={({ id }) => id} />
          )
        }
      </Loaded>
      <MoreButton of={approvals} />
    </>
  );
}

const columns: readonly Column<Approval>[] = [
  {
    head: 'Question',
    cell: ({ id, title, company, workflow }) => (
      <>
        <a href={hrefOf(['approvals', id])}>{title}</a>
        <span className="facts">
          {[workflow, company].filter((each) => each !== null).join(' · ')}
        </span>
      </>
    ),
  },
  { head: 'State', cell: ({ state }) => <StateMark state={state} /> },
  { head: 'Yeses', kind: 'number', cell: ({ yeses, required }) => `${yeses} of ${required}` },
  { head: 'Asked of', kind: 'aside', cell: ({ deciders }) => deciders.join(', ') },
  { head: 'Asked', kind: 'aside', cell: ({ askedAt }) => <Moment at={askedAt} /> },
  { head: 'Until', cell: ({ expiresAt }) => <Moment at={expiresAt} /> },
];
