import type { ReactElement } from 'react';
import { type Finding, triageStates } from '../api/shapes.ts';
import { hrefOf, narrow, type Route } from '../app/route.ts';
import { usePages } from '../app/use-resource.ts';
import { Choice } from '../parts/choice.tsx';
import { EmptyNote } from '../parts/empty-note.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { MoreButton } from '../parts/more-button.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { amountText } from '../parts/text-of.ts';
import { TypedFilter } from '../parts/typed-filter.tsx';
import { TriageButton } from './triage-button.tsx';

const severities = ['critical', 'high', 'medium', 'low'] as const;
const words = ['module', 'company', 'kind'] as const;

/** What agents have found, each once as the last run found it; or those of one run. */
export function FindingsPage({ route }: { readonly route: Route }): ReactElement {
  const at = (name: string): string => route.query.get(name) ?? '';
  const asked = Object.fromEntries(
    ['run', 'severity', 'state', ...words].map((name) => [name, at(name)]),
  );
  const findings = usePages<Finding>('v1/findings', { ...asked, limit: 100 });
  return (
    <>
      <h1>Findings</h1>
      {at('run') !== '' && (
        <p className="soft">
          Those of <a href={hrefOf(['runs', at('run')])}>one run</a> only.{' '}
          <a href={hrefOf(['findings'])}>Show those of all runs.</a>
        </p>
      )}
      <div className="filters">
        <Choice
          label="Severity"
          value={at('severity')}
          options={severities}
          any="any"
          onChoose={(severity) => narrow(route, { severity })}
        />
        <Choice
          label="State"
          value={at('state')}
          options={triageStates}
          any="any"
          onChoose={(state) => narrow(route, { state })}
        />
        {words.map((name) => (
          <TypedFilter
            key={`${name}=${at(name)}`}
            label={name.charAt(0).toUpperCase() + name.slice(1)}
            value={at(name)}
            offered={findings.data?.map((finding) => finding[name]) ?? []}
            onType={(value) => narrow(route, { [name]: value })}
          />
        ))}
      </div>
      <Loaded from={findings}>
        {(items) =>
          items.length === 0 ? (
            <EmptyNote>No finding is like that; widen the filters, or run a workflow.</EmptyNote>
          ) : (
            <Table
              label="Findings"
              columns={columnsOf(findings.refresh)}
              rows={items}
              keyOf={({ id }) => id}
            />
          )
        }
      </Loaded>
      <MoreButton of={findings} />
    </>
  );
}

function columnsOf(onTriaged: () => void): readonly Column<Finding>[] {
  return [
    {
      head: 'Finding',
      cell: (finding) => (
        <>
          {finding.summary}
          <span className="facts">
            <a href={hrefOf(['findings'], { kind: finding.kind })}>{finding.kind}</a> ·{' '}
            <a href={hrefOf(['runs', finding.runId])}>{finding.agent}</a>
            {finding.known && ' · known from an earlier run'}
            {finding.triage?.note && ` · ${finding.triage.note}`}
          </span>
        </>
      ),
    },
    { head: 'Severity', cell: ({ severity }) => <StateMark state={severity} /> },
    { head: 'Company', kind: 'aside', cell: ({ company }) => company ?? '–' },
    {
      head: 'Amount',
      kind: 'number',
      cell: ({ amount, currency }) => (amount === null ? '–' : amountText(amount, currency)),
    },
    {
      head: 'State',
      cell: (finding) => <TriageButton finding={finding} onTriaged={onTriaged} />,
    },
  ];
}
