import { type ReactElement, useCallback, useEffect, useMemo, useState } from 'react';
import type { Client } from '../api/client.ts';
import { asProblem, type Problem } from '../api/problem.ts';
import type { Me } from '../api/shapes.ts';
import { ProblemNote } from '../parts/problem-note.tsx';
import { Frame } from './frame.tsx';
import { type Session, SessionContext } from './session.ts';
import { SignIn } from './sign-in.tsx';

/** The console: whoever is known sees the pages, everybody else the page to sign in. */
export function App({ client }: { readonly client: Client }): ReactElement {
  const [me, setMe] = useState<Me | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isAsking, setAsking] = useState(true);
  /** Whether somebody who is known without a session would be somebody else. */
  const [isChanging, setChanging] = useState(false);
  const ask = useCallback(async () => {
    try {
      setMe(await client.me());
      setProblem(null);
    } catch (error) {
      setMe(null);
      setProblem(asProblem(error));
    }
    setAsking(false);
  }, [client]);
  useEffect(() => {
    void ask();
    return client.onStranger((why) => {
      setMe(null);
      // The first answer says it; those after it only that nobody is known.
      setProblem((known) => known ?? why);
    });
  }, [ask, client]);

  if (isAsking) return <p className="wait">Loading…</p>;
  const know = (somebody: Me): void => {
    setMe(somebody);
    setProblem(null);
    setChanging(false);
  };
  if (!me && problem && problem.status !== 401)
    return (
      <main className="sign-in">
        <h1>Tutti</h1>
        <ProblemNote problem={problem} onRetry={ask} />
      </main>
    );
  if (!me) return <SignIn client={client} problem={problem} onKnown={know} />;
  if (isChanging)
    return <SignIn client={client} known={me} onKnown={know} onBack={() => setChanging(false)} />;
  const leave = async (): Promise<void> => {
    // Who is known by being on the server's machine has nothing to leave, but may become somebody.
    if (!client.hasSession) return setChanging(true);
    await client.signOut().catch((error: unknown) => setProblem(asProblem(error)));
    await ask();
  };
  return <Signed key={me.actor.id} client={client} me={me} onLeave={leave} />;
}

function Signed({
  client,
  me,
  onLeave,
}: {
  readonly client: Client;
  readonly me: Me;
  readonly onLeave: () => Promise<void>;
}): ReactElement {
  const [said, announce] = useState('');
  const session = useMemo<Session>(() => ({ client, me, announce }), [client, me]);
  return (
    <SessionContext value={session}>
      <Frame onLeave={onLeave} />
      <p className="unseen" role="status" aria-live="polite">
        {said}
      </p>
    </SessionContext>
  );
}
