import type { ReactElement } from 'react';
import type { Finding, Page } from '../api/shapes.ts';
import { hrefOf } from '../app/route.ts';
import { useResource } from '../app/use-resource.ts';
import { StateMark } from '../parts/state-mark.tsx';

/** Why something is asked: what the agent has found about the records in question. Its words, beside what somebody agrees to. */
export function FoundList({ approval }: { readonly approval: string }): ReactElement | null {
  const found = useResource<Page<Finding>>(`v1/approvals/${encodeURIComponent(approval)}/findings`);
  const items = found.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <section>
      <h2>What the agent found</h2>
      <ul className="found">
        {items.map(({ id, severity, summary, kind, known }) => (
          <li key={id}>
            <StateMark state={severity} /> {summary || 'Its text has been erased.'}
            <span className="facts">
              <a href={hrefOf(['findings'], { kind })}>{kind}</a>
              {known && ' · known from an earlier run'}
            </span>
          </li>
        ))}
      </ul>
      <p className="soft">In the agent’s words; what a yes allows is what is asked, and no more.</p>
    </section>
  );
}
