import { type ReactElement, useState } from 'react';
import { type Finding, triageStates } from '../api/shapes.ts';
import { useMay, useSession } from '../app/session.ts';
import { Choice } from '../parts/choice.tsx';
import { ConfirmButton } from '../parts/confirm-button.tsx';
import { StateMark } from '../parts/state-mark.tsx';

/** What is to become of a finding: shows it, and lets whoever may say so. */
export function TriageButton({
  finding,
  onTriaged,
}: {
  readonly finding: Finding;
  readonly onTriaged: () => void;
}): ReactElement {
  const { client } = useSession();
  const { triage, fingerprint } = finding;
  const [chosen, setChosen] = useState<string | null>(null);
  const [note, setNote] = useState('');
  const may = useMay('findings:triage');
  if (triage === null) return <span className="soft">of a rehearsal</span>;
  // What others have said meanwhile counts until whoever looks here chooses something else.
  const state = chosen ?? triage.state;
  const save = async (): Promise<void> => {
    const body = { state, ...(note.trim() !== '' && { note: note.trim() }) };
    await client.send(`v1/findings/${fingerprint}/triage`, { method: 'PUT', body });
    setChosen(null);
    setNote('');
    onTriaged();
  };
  return (
    <div className="line">
      <StateMark state={triage.state} />
      {triage.assignee !== null && <span className="facts">{triage.assignee}</span>}
      {may && (
        <ConfirmButton
          name="Triage"
          about={finding.summary}
          said="The finding was triaged."
          work={save}
        >
          <p>{finding.summary}</p>
          <Choice label="State" value={state} options={triageStates} onChoose={setChosen} />
          <label className="field">
            <span>Note</span>
            <input
              value={note}
              maxLength={2_000}
              onChange={({ target }) => setNote(target.value)}
            />
          </label>
        </ConfirmButton>
      )}
    </div>
  );
}
