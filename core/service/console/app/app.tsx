import { type ReactElement, useCallback, useEffect, useMemo, useState } from 'react';
import type { Client } from '../api/client.ts';
import { asProblem, type Problem } from '../api/problem.ts';
import type { Me } from '../api/shapes.ts';
import { Frame } from './frame.tsx';
import { type Session, SessionContext } from './session.ts';
import { SignIn } from './sign-in.tsx';

/** The console: whoever is known sees the pages, everybody else the page to sign in. */
export function App({ client }: { readonly client: Client }): ReactElement {
  const [me, setMe] = useState<Me | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isAsking, setAsking] = useState(true);
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
    return client.onStranger(() => setMe(null));
  }, [ask, client]);

  if (isAsking) return <p className="wait">Loading…</p>;
  if (!me) return <SignIn client={client} problem={problem} onKnown={setMe} />;
  const leave = async (): Promise<void> => {
    // Who is known by being on the server's machine has nothing to leave, but may become somebody.
    if (!client.hasSession) return setMe(null);
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
