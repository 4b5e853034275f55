import type { ReactElement } from 'react';
import type { Budgets, Limits, Page, Run, Status, Stop } from '../api/shapes.ts';
import { hrefOf } from '../app/route.ts';
import { useMay } from '../app/session.ts';
import { type Resource, useResource } from '../app/use-resource.ts';
import { type Figure, Figures } from '../parts/figures.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { countText, usdText } from '../parts/text-of.ts';
import { concernsOf } from './attention.ts';
import { LimitTable } from './limit-table.tsx';
import { NoRuns } from './no-runs.tsx';
import { RunTable } from './run-table.tsx';

const everyMs = 5_000;

/** How the installation is: what needs somebody, what it does, what it has cost today, the newest runs. */
export function OverviewPage(): ReactElement {
  const ready = useResource<unknown>('readyz', everyMs);
  const status = useResource<Status>('v1/status', everyMs);
  const maySettings = useMay('settings:read');
  const limits = useResource<Limits>(maySettings ? 'v1/limits' : null, everyMs);
  const budgets = useResource<Budgets>(maySettings ? 'v1/budgets' : null, 2 * everyMs);
  const stops = useResource<Page<Stop>>(useMay('authority:read') ? 'v1/stops' : null, everyMs);
  const runs = useResource<Page<Run>>('v1/runs?limit=8', everyMs);
  const concerns = concernsOf({
    unready: ready.problem,
    status: status.data,
    limits: limits.data,
    budgets: budgets.data,
    stops: stops.data?.items,
  });
  return (
    <>
      <h1>Overview</h1>
      <section aria-label="What needs somebody">
        {concerns.length === 0 ? (
          <p className="note fine">Nothing needs attention.</p>
        ) : (
          <ul className="concerns" aria-live="polite">
            {concerns.map(({ tone, text, href, parts = [] }) => (
              <li key={text} className={tone}>
                {href ? <a href={href}>{text}</a> : text}
                {parts.length > 0 && (
                  <span className="parts">
                    {parts.map((part) => (
                      <a key={part.text} href={part.href}>
                        {part.text}
                      </a>
                    ))}
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </section>
      <Loaded from={status}>{(view) => <Figures of={figuresOf(view, budgets.data)} />}</Loaded>
      <Models limits={limits} />
      <section>
        <h2>Newest runs</h2>
        <Loaded from={runs}>
          {({ items }) => (items.length === 0 ? <NoRuns /> : <RunTable runs={items} />)}
        </Loaded>
      </section>
    </>
  );
}

function Models({ limits: { data } }: { readonly limits: Resource<Limits> }): ReactElement | null {
  if (!data || data.models.length === 0) return null;
  return (
    <section>
      <h2>Models</h2>
      <LimitTable
        label="Models"
        rows={data.models.map(({ model, ...use }) => ({ name: model, use }))}
      />
    </section>
  );
}

function figuresOf(status: Status, budgets: Budgets | undefined): readonly Figure[] {
  const { engine, queue, people, agents, workflows, database, pool } = status;
  const today = budgets?.items.find(({ scope }) => scope === 'tenant');
  return [
    {
      name: 'Engines',
      value: `${engine.alive} alive`,
      note: `${pool.lanes.ready} of ${pool.lanes.wanted} threads; database ${database.answeredMs} ms`,
    },
    {
      name: 'Runs open',
      value: countText(workflows.open),
      note: `${countText(workflows.started)} begun, ${countText(workflows.failed)} failed in a day`,
      href: hrefOf(['runs']),
    },
    {
      name: 'Queue',
      value: `${countText(queue.ready)} ready`,
      note: `${countText(queue.running)} running, ${countText(queue.waiting)} waiting`,
    },
    {
      name: 'Agents',
      value: countText(agents.executed),
      note: `${countText(agents.failed)} failed, ${countText(agents.retried)} tried again in a day`,
    },
    {
      name: 'Approvals open',
      value: countText(people.openApprovals),
      note: `${countText(people.effectsInReview)} effects in review`,
      href: hrefOf(['approvals']),
    },
    {
      name: 'Money today',
      value: today
        ? usdText(today.settledMicroUsd)
        : usdText(status.costTracking.totalCostMicroUsd),
      note: today ? `of ${usdText(today.limitMicroUsd)}` : 'in the last 24 hours',
      href: hrefOf(['costs']),
    },
  ];
}
