import { type ReactElement, useId, useState } from 'react';
import type { Approval } from '../api/shapes.ts';
import { useMay, useSession } from '../app/session.ts';
import { ConfirmButton } from '../parts/confirm-button.tsx';

/** Yes or no to a question, with a note; a no has one. */
export function Decision({
  asked,
  onDecided,
}: {
  readonly asked: Approval;
  readonly onDecided: () => void;
}): ReactElement {
  const { client } = useSession();
  const [note, setNote] = useState('');
  const field = useId();
  if (!useMay('approvals:decide'))
    return <p className="note empty">Whoever is signed in here may not decide; an approver may.</p>;
  const decide = (decision: 'granted' | 'refused') => async (): Promise<void> => {
    const body = { decision, ...(note.trim() !== '' && { note: note.trim() }) };
    await client.send(`v1/approvals/${asked.id}/decision`, { method: 'POST', body });
    onDecided();
  };
  return (
    <section className="decision">
      <h2>Decide</h2>
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
        <ConfirmButton name="Refuse" isGrave said="Refused." work={decide('refused')}>
          <p>{asked.title}</p>
          <p>It does not happen. {note.trim() === '' && 'Write a note that says why first.'}</p>
        </ConfirmButton>
      </div>
    </section>
  );
}
