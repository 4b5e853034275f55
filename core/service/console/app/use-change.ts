import { useState } from 'react';
import { asProblem, type Problem } from '../api/problem.ts';
import { useSession } from './session.ts';

/** A change that somebody asks for. */
export interface Change {
  readonly isBusy: boolean;
  /** Why the last one was refused. */
  readonly problem: Problem | null;
  /** Resolves whether it was done; `said` is told to readers who do not see it. */
  run(work: () => Promise<unknown>, said: string): Promise<boolean>;
  forget(): void;
}

/** Asks for a change, one at a time. */
export function useChange(): Change {
  const { announce } = useSession();
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  return {
    isBusy,
    problem,
    async run(work, said) {
      setBusy(true);
      setProblem(null);
      try {
        await work();
        announce(said);
        return true;
      } catch (error) {
        setProblem(asProblem(error));
        return false;
      } finally {
        setBusy(false);
      }
    },
    forget: () => setProblem(null),
  };
}
