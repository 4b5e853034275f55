import { type FormEvent, type ReactElement, useState } from 'react';
import type { Client } from '../api/client.ts';
import { asProblem, type Problem } from '../api/problem.ts';
import type { Me } from '../api/shapes.ts';
import { ProblemNote } from '../parts/problem-note.tsx';

/** Asks for an API key. `problem` says why nobody is known so far; who is `known` without one may go on without. */
export function SignIn({
  client,
  problem = null,
  known = null,
  onKnown,
  onBack,
}: {
  readonly client: Client;
  readonly problem?: Problem | null;
  readonly known?: Me | null;
  readonly onKnown: (me: Me) => void;
  readonly onBack?: () => void;
}): ReactElement {
  const [key, setKey] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Problem | null>(null);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      onKnown(await client.signIn(key.trim()));
    } catch (error) {
      setRefusal(asProblem(error));
      setBusy(false);
    }
  };
  // That nobody is known is what this page is for, and no news; that somebody is not known any more is.
  const shown = refusal ?? (problem?.code === 'UNAUTHENTICATED' ? null : problem);
  return (
    <main className="sign-in">
      <h1>Tutti</h1>
      <p>Sign in with an API key to see runs, approvals, limits and costs.</p>
      <form onSubmit={submit}>
        <label htmlFor="key">API key or token</label>
        <input
          id="key"
          type="password"
          autoComplete="off"
          spellCheck={false}
          required
          value={key}
          onChange={({ target }) => setKey(target.value)}
        />
        <button type="submit" className="button primary" disabled={isBusy}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
      {known && (
        <p>
          <button type="button" className="button" onClick={onBack}>
            Go on as {known.actor.id}
          </button>
        </p>
      )}
      {shown && <ProblemNote problem={shown} />}
      <p className="soft">
        A key is made with <code>tutti key create NAME --role viewer</code>; one that decides
        approvals names its person: <code>--role approver --person NAME</code>.
      </p>
    </main>
  );
}
