import { type ReactElement, useLayoutEffect, useRef, useState } from 'react';
import { pathOf } from '../api/client.ts';
import type { Problem } from '../api/problem.ts';
import type { Approval, Page, Tool } from '../api/shapes.ts';
import { hrefOf } from '../app/route.ts';
import { useResource } from '../app/use-resource.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Moment } from '../parts/moment.tsx';
import { ProblemNote } from '../parts/problem-note.tsx';
import { ShownLines } from '../parts/shown-lines.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { Decision } from './decision.tsx';
import { FoundList } from './found-list.tsx';
import { hrefOfStep } from './step-table.tsx';

const everyMs = 5_000;

/** A question to people: exactly what they are asked, who may answer, and what was said. */
export function ApprovalPage({ id }: { readonly id: string }): ReactElement {
  const approval = useResource<Approval>(`v1/approvals/${encodeURIComponent(id)}`, everyMs);
  const [refusal, setRefusal] = useState<Problem | null>(null);
  const title = useRef<HTMLHeadingElement>(null);
  const isOpen = approval.data?.state === 'open';
  const wasOpen = useRef(false);
  useLayoutEffect(() => {
    // In the same moment the buttons have gone, and with them where somebody was who uses the keyboard.
    if (wasOpen.current && !isOpen) title.current?.focus();
    wasOpen.current = isOpen;
  }, [isOpen]);
  return (
    <>
      <p className="soft">
        <a href={hrefOf(['approvals'])}>Approvals</a> / <code>{id}</code>
      </p>
      <Loaded from={approval}>
        {(asked) => (
          <>
            <div className="title">
              <h1 ref={title} tabIndex={-1}>
                {asked.title}
              </h1>
              <StateMark state={asked.state} />
            </div>
            {asked.effect && <Purpose tool={asked.effect.tool} />}
            <Origin asked={asked} />
            <section>
              <h2>What is asked</h2>
              <ShownLines of={asked.shown} />
            </section>
            {asked.effect && <FoundList approval={asked.id} />}
            {asked.state === 'open' ? (
              <Decision asked={asked} onSaid={approval.refresh} onRefused={setRefusal} />
            ) : (
              // Whoever's word came too late learns of it, though there is nothing to decide any more.
              refusal && <ProblemNote problem={refusal} />
            )}
            <Votes asked={asked} />
            <NextQuestion than={asked} />
          </>
        )}
      </Loaded>
    </>
  );
}

/** What the tool does, in its author's words; one that is not loaded any more says nothing. */
function Purpose({ tool }: { readonly tool: string }): ReactElement | null {
  const { data } = useResource<Tool>(`v1/tools/${encodeURIComponent(tool)}`);
  return data ? <p>{data.description}</p> : null;
}

function Origin({ asked }: { readonly asked: Approval }): ReactElement {
  const { runId, path, effect, requestedBy, required, yeses } = asked;
  return (
    <p className="soft">
      {runId !== null && (
        <>
          Asked by <a href={hrefOfStep(runId, path)}>{path}</a> of{' '}
          <a href={hrefOf(['runs', runId])}>{asked.workflow ?? 'a run'}</a>
          {requestedBy.agent !== undefined && `, agent ${requestedBy.agent}`}, for {requestedBy.id};{' '}
        </>
      )}
      asked <Moment at={asked.askedAt} />, open until <Moment at={asked.expiresAt} />. {yeses} of{' '}
      {required} yeses; {asked.deciders.join(', ') || 'nobody'} may decide
      {asked.persons.length > 0 && `: ${asked.persons.join(', ')}`} (tier {asked.tier}).
      {effect !== null &&
        (effect.waits ? ' A step waits for the answer.' : ' Nothing waits for it.')}
      {effect?.applyRun && (
        <>
          {' '}
          <a href={hrefOf(['runs', effect.applyRun])}>The run that carries it out.</a>
        </>
      )}
    </p>
  );
}

function Votes({ asked }: { readonly asked: Approval }): ReactElement | null {
  if (asked.votes.length === 0) return null;
  return (
    <section>
      <h2>What was said</h2>
      <ul>
        {asked.votes.map(({ person, onBehalfOf, decision, note, at }) => (
          <li key={`${person} ${at}`}>
            <StateMark state={decision} /> {person}
            {onBehalfOf !== null && ` for ${onBehalfOf}`}, <Moment at={at} />
            {note !== null && <span className="facts">{note}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The way to what else is asked: the next older open question of the same module, else the newest one. */
function NextQuestion({ than }: { readonly than: Approval }): ReactElement | null {
  const module = than.effect?.tool.split('.', 1)[0];
  const asked = { state: 'open', module, limit: 2 };
  const older = useResource<Page<Approval>>(
    pathOf('v1/approvals', { ...asked, limit: 1, cursor: than.id }),
  );
  const newest = useResource<Page<Approval>>(pathOf('v1/approvals', asked));
  const open = [...(older.data?.items ?? []), ...(newest.data?.items ?? [])];
  const next = older.data && newest.data && open.find(({ id }) => id !== than.id);
  if (!next) return null;
  return (
    <p className="next soft">
      Next open question: <a href={hrefOf(['approvals', next.id])}>{next.title}</a>
    </p>
  );
}
