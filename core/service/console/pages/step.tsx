import type { ReactElement } from 'react';
import { pathOf } from '../api/client.ts';
import type { Attempt, Content, Entry, Explanation, StepContent } from '../api/shapes.ts';
import { hrefOf } from '../app/route.ts';
import { usePages, useResource } from '../app/use-resource.ts';
import { EmptyNote } from '../parts/empty-note.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Moment } from '../parts/moment.tsx';
import { MoreButton } from '../parts/more-button.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { spanText, usdText } from '../parts/text-of.ts';
import { Journal } from './journal.tsx';

const everyMs = 3_000;

/** A step: its tries, why it failed or what it waits for, what it worked on, its entries. */
export function StepPage({
  runId,
  path,
}: {
  readonly runId: string;
  readonly path: string;
}): ReactElement {
  const run = `v1/runs/${encodeURIComponent(runId)}`;
  const step = useResource<StepContent>(`${run}/steps/${encodeURIComponent(path)}`, everyMs);
  return (
    <>
      <p className="soft">
        <a href={hrefOf(['runs'])}>Runs</a> / <a href={hrefOf(['runs', runId])}>{runId}</a> / steps
      </p>
      <h1>{path}</h1>
      <Loaded from={step}>
        {(content) => (
          <>
            <Head step={content} />
            {content.endedAt === null && <Blockers run={run} path={path} />}
            <Attempts of={content.attempts} />
            <Body name="Given" content={content.input} />
            <Body name="Brought" content={content.output} />
            <StepJournal runId={runId} step={content} />
          </>
        )}
      </Loaded>
    </>
  );
}

function Head({ step }: { readonly step: StepContent }): ReactElement {
  return (
    <section>
      <p>
        <StateMark state={step.status} /> {step.agent ?? step.kind}
        {step.degraded && <span className="tag">by playbook</span>}
      </p>
      <p className="soft">
        Try {step.attempt}, {usdText(step.costMicroUsd)}, context {step.trust}; started{' '}
        <Moment at={step.startedAt} />, ended <Moment at={step.endedAt} />
        {step.crashes > 0 && `; a thread died under it ${step.crashes} times`}
      </p>
      {step.error && (
        <div className="note problem">
          <code>{step.error.code}</code> {step.error.message}
        </div>
      )}
    </section>
  );
}

function Blockers({ run, path }: { readonly run: string; readonly path: string }): ReactElement {
  const explanation = useResource<Explanation>(pathOf(`${run}/explain`, { step: path }), everyMs);
  return (
    <section>
      <h2>Waits for</h2>
      <Loaded from={explanation}>
        {({ steps: [step], note }) => (
          <>
            {note !== undefined && <p className="soft">{note}</p>}
            {step ? (
              <ul>
                {step.blockers.map(({ text, kind, ifLifted }) => (
                  <li key={`${kind} ${text}`}>
                    {text}
                    {ifLifted && (
                      <span className="facts">
                        without it alone it would start <Moment at={ifLifted} />
                      </span>
                    )}
                  </li>
                ))}
              </ul>
            ) : (
              <EmptyNote>It waits for nothing.</EmptyNote>
            )}
          </>
        )}
      </Loaded>
    </section>
  );
}

const columns: readonly Column<Attempt>[] = [
  { head: 'Try', cell: ({ no }) => no },
  { head: 'Outcome', cell: ({ outcome }) => <StateMark state={outcome} /> },
  { head: 'Started', cell: ({ startedAt }) => <Moment at={startedAt} /> },
  {
    head: 'Took',
    kind: 'number',
    cell: ({ startedAt, endedAt }) => spanText(Date.parse(endedAt) - Date.parse(startedAt)),
  },
  { head: 'Model calls', kind: 'number', cell: ({ turns }) => turns ?? '–' },
  {
    head: 'Error',
    cell: ({ error }) =>
      error && (
        <>
          <code>{error.code}</code> {error.message}
        </>
      ),
  },
];

function Attempts({ of }: { readonly of: readonly Attempt[] }): ReactElement {
  return (
    <section>
      <h2>Tries</h2>
      {of.length === 0 ? (
        <EmptyNote>No try has ended yet.</EmptyNote>
      ) : (
        <Table label="Tries" columns={columns} rows={of} keyOf={({ no }) => no} />
      )}
    </section>
  );
}

const missing = {
  none: 'Nothing so far.',
  erased: 'It has been erased.',
} as const;

function Body({
  name,
  content,
}: {
  readonly name: string;
  readonly content: Content;
}): ReactElement {
  const { state, value, why } = content;
  return (
    <section>
      <h2>{name}</h2>
      {state === 'there' && <pre className="body">{JSON.stringify(value, null, 2)}</pre>}
      {state === 'unknown' && <EmptyNote>{why}</EmptyNote>}
      {(state === 'none' || state === 'erased') && <EmptyNote>{missing[state]}</EmptyNote>}
    </section>
  );
}

/** Entries of a run cannot be asked for by step: those of its agent are, and the step's are taken from them. */
function StepJournal({
  runId,
  step,
}: {
  readonly runId: string;
  readonly step: StepContent;
}): ReactElement {
  const asked = { run: runId, ...(step.agent !== null && { agent: step.agent }), limit: 1_000 };
  const found = usePages<Entry>('v1/entries', asked, step.endedAt === null ? everyMs : 0);
  return (
    <>
      <Loaded from={found}>
        {(entries) => (
          <Journal
            entries={entries.filter(({ step: id }) => id === step.id)}
            steps={null}
            runId={runId}
          />
        )}
      </Loaded>
      <MoreButton of={found} />
    </>
  );
}
