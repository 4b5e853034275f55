import { type ReactElement, useId, useState } from 'react';
import { asProblem, type Problem } from '../api/problem.ts';
import type { Approval } from '../api/shapes.ts';
import { useMay, useSession } from '../app/session.ts';
import { ConfirmButton } from '../parts/confirm-button.tsx';

/** Yes or no to a question, with a note; a no has one. */
export function Decision({
  asked,
  onSaid,
  onRefused,
}: {
  readonly asked: Approval;
  /** Somebody has said something, whether it counted or not. */
  readonly onSaid: () => void;
  /** What was said did not count. */
  readonly onRefused: (problem: Problem) => void;
}): ReactElement {
  const { client, me } = useSession();
  const [note, setNote] = useState('');
  const field = useId();
  if (!useMay('approvals:decide'))
    return <p className="note empty">Whoever is signed in here may not decide; an approver may.</p>;
  const person = me.person ?? me.actor.id;
  const decide = (decision: 'granted' | 'refused') => async (): Promise<void> => {
    const body = { decision, ...(note.trim() !== '' && { note: note.trim() }) };
    try {
      await client.send(`v1/approvals/${asked.id}/decision`, { method: 'POST', body });
      onSaid();
    } catch (error) {
      const problem = asProblem(error);
      onRefused(problem);
      // What others have decided meanwhile is shown at once.
      if (problem.status === 409) onSaid();
      throw problem;
    }
  };
  return (
    <section className="decision">
      <h2>Decide</h2>
      {!asked.persons.includes(person) && (
        <p className="note">
          {person} is none of those who may decide ({asked.persons.join(', ') || 'nobody'}), and
          counts only for somebody who has handed their right on. Sign in with a key that stands for
          one of them: <code>tutti key create NAME --role approver --person NAME</code>.
        </p>
      )}
      <label htmlFor={field}>Note (a refusal needs one)</label>
      <textarea
        id={field}
        rows={3}
        maxLength={2_000}
        value={note}
        onChange={({ target }) => setNote(target.value)}
      />
      <div className="buttons">
        <ConfirmButton name="Approve" said="Approved." work={decide('granted')}>
          <p>{asked.title}</p>
          <p>It is done exactly as it is shown, in your name.</p>
        </ConfirmButton>
        <ConfirmButton
          name="Refuse"
          isGrave
          isReady={note.trim() !== ''}
          said="Refused."
          work={decide('refused')}
        >
          <p>{asked.title}</p>
          <p>It does not happen. {note.trim() === '' && 'Write a note that says why first.'}</p>
        </ConfirmButton>
      </div>
    </section>
  );
}
