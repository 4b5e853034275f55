import { EngineError, isEngineError } from '../../base/errors.ts';
import { mayPass } from '../db/db-error.ts';

/** Why statements are turned down, by SQLSTATE. */
const answers: Readonly<Record<string, string>> = {
  '25006': 'it would change something, and only reading is allowed',
  '42501': 'the login has no right to it',
};

/**
 * What `pg` throws for a query of a tool. The text of PostgreSQL is given where it speaks of the statement alone (class 42, wrong or not
 * allowed); of other classes it may quote a row, so only the code is. No message names the address: it may hold a password.
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function queryFault(error: unknown, database: string): EngineError {
  if (isEngineError(error)) return error;
  const { code = '', message = '' } = error as {
    readonly code?: string;
    readonly message?: string;
  };
  const isState = /^(?=.*\d)[0-9A-Z]{5}$/.test(code);
  if (code === '57014') return failed(database, 'did not end in time', error);
  const known = Object.hasOwn(answers, code) ? answers[code] : undefined;
  if (!known && (!isState || mayPass(error) || code.startsWith('28') || code.startsWith('3D')))
    return failed(database, `did not answer (${isState ? code : nodeCode(code)})`, error);
  const reason = known ?? (code.startsWith('42') ? message : 'see the code');
  return new EngineError(
    'QUERY_REFUSED',
    `Database '${database}' refused the query: ${reason} (SQLSTATE ${code}).`,
    { cause: error, details: { sqlState: code } },
  );
}

/** A query without an answer. */
function failed(database: string, what: string, cause?: unknown): EngineError {
  return new EngineError(
    'QUERY_FAILED',
    `Database '${database}' ${what}; try again, with a narrower query if it takes long.`,
    cause === undefined ? {} : { cause },
  );
}

function nodeCode(code: string): string {
  return /^[A-Z_]{3,30}$/.test(code) ? code : 'the connection failed';
}
