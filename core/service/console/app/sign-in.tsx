import { type FormEvent, type ReactElement, useState } from 'react';
import type { Client } from '../api/client.ts';
import { asProblem, type Problem } from '../api/problem.ts';
import type { Me } from '../api/shapes.ts';
import { ProblemNote } from '../parts/problem-note.tsx';

/** Asks for an API key. `problem` says why nobody is known so far. */
export function SignIn({
  client,
  problem,
  onKnown,
}: {
  readonly client: Client;
  readonly problem: Problem | null;
  readonly onKnown: (me: Me) => void;
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
  // That nobody is known is what this page is for, and no news.
  const shown = refusal ?? (problem?.status === 401 ? null : problem);
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
      {shown && <ProblemNote problem={shown} />}
      <p className="soft">
        A key is made with <code>tutti key create NAME --role viewer</code>; one that decides
        approvals names its person: <code>--role approver --person NAME</code>.
      </p>
    </main>
  );
}
