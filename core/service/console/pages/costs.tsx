import type { ReactElement } from 'react';
import { pathOf } from '../api/client.ts';
import { type Budgets, type Costs, costWays } from '../api/shapes.ts';
import { narrow, type Route } from '../app/route.ts';
import { useResource } from '../app/use-resource.ts';
import { Choice } from '../parts/choice.tsx';
import { EmptyNote } from '../parts/empty-note.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { BudgetTable } from './budget-table.tsx';
import { CostTable } from './cost-table.tsx';

const everyMs = 10_000;
const spans = ['1', '7', '30', '90'] as const;

/** What models may cost today, and what they have cost. */
export function CostsPage({ route }: { readonly route: Route }): ReactElement {
  const at = (name: string, usual: string): string => route.query.get(name) ?? usual;
  const simulated = at('calls', 'real') === 'simulated';
  const budgets = useResource<Budgets>(pathOf('v1/budgets', { simulated }), everyMs);
  const asked = { by: at('by', 'module'), days: at('days', '7'), simulated };
  const costs = useResource<Costs>(pathOf('v1/costs', asked), everyMs);
  return (
    <>
      <h1>Costs</h1>
      <div className="filters">
        <Choice
          label="Calls"
          value={simulated ? 'simulated' : 'real'}
          options={['real', 'simulated']}
          onChoose={(calls) => narrow(route, { calls })}
        />
        <Choice
          label="By"
          value={asked.by}
          options={costWays}
          onChoose={(by) => narrow(route, { by })}
        />
        <Choice
          label="Days"
          value={asked.days}
          options={spans}
          onChoose={(days) => narrow(route, { days })}
        />
      </div>
      <h2>Budgets of today</h2>
      <Loaded from={budgets}>
        {(view) =>
          view.items.length === 0 ? (
            <EmptyNote>
              No purse is within your reach; one is of all companies, and shown to who may see all
              of them.
            </EmptyNote>
          ) : (
            <BudgetTable budgets={view} />
          )
        }
      </Loaded>
      <h2>Spent</h2>
      <Loaded from={costs}>
        {(view) =>
          view.rows.length === 0 ? (
            <EmptyNote>
              No model was called in these days{simulated ? ' by a rehearsal' : ''}. Agents that
              work by playbook cost nothing.
            </EmptyNote>
          ) : (
            <CostTable costs={view} by={asked.by} />
          )
        }
      </Loaded>
    </>
  );
}
