import type {
  Answer,
  Approvals,
  Question as Asks,
} from '../../../core/engine/approvals/approvals.ts';
import { outcomeOf } from '../../../core/engine/approvals/decide.ts';
import { type Decision, stateAfter } from '../../../core/engine/approvals/rules.ts';
import type { RunFacts } from '../../../core/engine/run/facts.ts';
import type { Question, SimDatabase } from './database.ts';
import type { SimPool } from './pool.ts';

/** What steps ask people, with the meaning of its SQL (core/engine/approvals): asked once, decided once, and over when its time or its step is. */
export class SimApprovals implements Pick<Approvals, 'ask' | 'expire' | 'tidy'> {
  readonly #database: SimDatabase;
  readonly #pool: SimPool;

  constructor(database: SimDatabase, pool: SimPool) {
    this.#database = database;
    this.#pool = pool;
  }

  ask({ id: runId }: RunFacts, { step, by, required, expiresMs }: Asks): Promise<Answer> {
    const id = `${runId} ${step}`;
    return this.#pool.ask('a question', () => {
      const { questions, now } = this.#database;
      const asked = { id, runId, step, required, deciders: by, expiresAt: now + expiresMs };
      if (!questions.has(id)) questions.set(id, { ...asked, votes: [], state: 'open' });
      return this.#answer(id);
    });
  }

  expire({ id: runId }: RunFacts, step: number): Promise<Answer> {
    return this.#pool.ask('an expiry', () => {
      const question = this.#database.questions.get(`${runId} ${step}`);
      if (question) closeLate(question, this.#database.now);
      return this.#answer(`${runId} ${step}`);
    });
  }

  tidy(): Promise<void> {
    return this.#pool.ask('late questions', () => {
      for (const question of this.#database.questions.values()) close(this.#database, question);
    });
  }

  #answer(of: string): Answer {
    const { questions, now } = this.#database;
    const { id, state, expiresAt, votes } = questions.get(of) as Question;
    const isDecided = state === 'granted' || state === 'refused';
    const decided = isDecided ? outcomeOf(state as Decision, votes) : null;
    return { id, state, leftMs: expiresAt - now, decided };
  }
}

/** A person says yes or no to a question; the owner of its run hears what it has come to. Returns whether the word counts. */
export function decide(
  database: SimDatabase,
  question: Question,
  said: { readonly person: string; readonly decision: Decision },
): boolean {
  close(database, question);
  const { id, runId, step, votes, required, deciders } = question;
  if (question.state !== 'open' || votes.some(({ person }) => person === said.person)) return false;
  votes.push({ ...said, onBehalfOf: null, note: null, at: database.now });
  const state = stateAfter(votes, { deciders, required, requester: { id: 'tester' } });
  if (state === 'open') return true;
  question.state = state;
  const asked = { kind: 'decision', step, decided: outcomeOf(state, votes) } as const;
  database.post({ runId, asked, dedupe: `decision:${id}` });
  return true;
}

function close(database: SimDatabase, question: Question): void {
  const { ended, steps } = database.run(question.runId);
  closeLate(question, database.now);
  const isOver = ended || (steps.get(question.step)?.ended_at ?? null) !== null;
  if (question.state === 'open' && isOver) question.state = 'withdrawn';
}

function closeLate(question: Question, now: number): void {
  if (question.state === 'open' && question.expiresAt <= now) question.state = 'expired';
}
