import type { ReactElement } from 'react';
import { type Approval, approvalStates } from '../api/shapes.ts';
import { hrefOf, narrow, type Route } from '../app/route.ts';
import { usePages } from '../app/use-resource.ts';
import { Choice } from '../parts/choice.tsx';
import { EmptyNote } from '../parts/empty-note.tsx';
import { factsText } from '../parts/lines-of.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Moment } from '../parts/moment.tsx';
import { MoreButton } from '../parts/more-button.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { TypedFilter } from '../parts/typed-filter.tsx';
import { ProposalList } from './proposal-list.tsx';

const everyMs = 5_000;

/** What people are asked; and what agents would change, whether somebody is asked about it or not. */
export function ApprovalsPage({ route }: { readonly route: Route }): ReactElement {
  const view = route.query.get('view');
  const [run, module] = [route.query.get('run') ?? '', route.query.get('module') ?? ''];
  const kept = { run, module };
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
          <a href={hrefOf(['approvals'], { view, module })}>Show those of all runs.</a>
        </p>
      )}
      <div className="filters">
        {view !== 'proposals' && (
          <Choice
            label="State"
            value={stateOf(route)}
            options={['any', ...approvalStates]}
            onChoose={(state) => narrow(route, { state })}
          />
        )}
        <TypedFilter
          key={module}
          label="Module"
          value={module}
          onType={(module) => narrow(route, { module })}
        />
      </div>
      {view === 'proposals' ? (
        <ProposalList run={run} module={module} />
      ) : (
        <Questions state={stateOf(route)} run={run} module={module} />
      )}
    </>
  );
}

function stateOf(route: Route): string {
  return route.query.get('state') ?? 'open';
}

function Questions({
  state,
  run,
  module,
}: {
  readonly state: string;
  readonly run: string;
  readonly module: string;
}): ReactElement {
  const asked = { state: state === 'any' ? '' : state, run, module, limit: 50 };
  const approvals = usePages<Approval>('v1/approvals', asked, everyMs);
  return (
    <>
      <Loaded from={approvals}>
        {(items) =>
          items.length === 0 ? (
            <EmptyNote>
              {state === 'open' && module === ''
                ? 'Nobody is asked anything. Questions come here when an agent would do what needs a person’s yes.'
                : 'No question is like that.'}
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
    cell: ({ id, title, company, workflow, shown }) => (
      <>
        <a href={hrefOf(['approvals', id])}>{title}</a>
        <span className="facts">
          {[workflow, company].filter((each) => each !== null).join(' · ')}
        </span>
        <span className="facts">{factsText(shown)}</span>
      </>
    ),
  },
  { head: 'State', cell: ({ state }) => <StateMark state={state} /> },
  { head: 'Yeses', kind: 'number', cell: ({ yeses, required }) => `${yeses} of ${required}` },
  { head: 'Asked of', kind: 'aside', cell: ({ deciders }) => deciders.join(', ') },
  { head: 'Asked', kind: 'aside', cell: ({ askedAt }) => <Moment at={askedAt} /> },
  { head: 'Until', cell: ({ expiresAt }) => <Moment at={expiresAt} /> },
];
