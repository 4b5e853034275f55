import { EngineError, type ErrorData, isEngineError } from '../../base/errors.ts';

// Node's names for a server that cannot be reached; PostgreSQL's own codes are five characters long.
const unreachable = new Set(
  'ECONNREFUSED ECONNRESET EPIPE ENOENT ENOTFOUND EAI_AGAIN ETIMEDOUT EHOSTUNREACH ENETUNREACH'.split(
    ' ',
  ),
);

// pg reports these without a code (pg 8.23, pg-pool 3.14).
const lostConnection =
  /Connection terminated|connection error and is not queryable|Client was closed|Query read timeout|timeout expired|timeout exceeded when trying to connect|server does not support SSL|after calling end on the pool/;

// Node's and OpenSSL's names for a certificate that is not believed, or no common language.
const untrusted = /^ERR_(TLS|SSL)_|CERT|^UNABLE_TO_VERIFY/;

/** What to do about each SQLSTATE that has an answer; classes of two characters are looked up after the full code. */
const answers: Readonly<Record<string, readonly ['DB_UNAVAILABLE' | 'DB_FULL', string]>> = {
  '53100': ['DB_FULL', 'Its disk is full; free space and try again, nothing committed is lost.'],
  '58030': ['DB_UNAVAILABLE', 'It could not read or write its files; see its log.'],
  '28P01': [
    'DB_UNAVAILABLE',
    'It refused the password; correct the user or password in DATABASE_URL.',
  ],
  '28000': [
    'DB_UNAVAILABLE',
    'It refused this user; check the user in DATABASE_URL and pg_hba.conf, or run Tutti as the user who started the server.',
  ],
  '3D000': [
    'DB_UNAVAILABLE',
    'The database does not exist; create it (createdb) or correct DATABASE_URL.',
  ],
  '53300': [
    'DB_UNAVAILABLE',
    'It has no connection left; raise max_connections or stop other clients.',
  ],
  '57P01': ['DB_UNAVAILABLE', 'It is being stopped; try again when it is up.'],
  '57P02': ['DB_UNAVAILABLE', 'One of its processes crashed; it restarts by itself, try again.'],
  '57P03': ['DB_UNAVAILABLE', 'It is starting or stopping; try again in a moment.'],
  '57014': ['DB_UNAVAILABLE', 'A statement ran into its time limit or was cancelled; try again.'],
  '25P03': ['DB_UNAVAILABLE', 'A transaction stood idle for too long and was ended; try again.'],
  '25006': ['DB_UNAVAILABLE', 'It is read-only (a standby?); point DATABASE_URL at the primary.'],
  '40001': ['DB_UNAVAILABLE', 'Two transactions collided; try again.'],
  '40P01': ['DB_UNAVAILABLE', 'Two transactions blocked each other; try again.'],
  '55P03': ['DB_UNAVAILABLE', 'A lock was not free in time; try again.'],
  '08': ['DB_UNAVAILABLE', 'The connection broke; try again when the server is up.'],
  '53': ['DB_UNAVAILABLE', 'It is short of memory or another resource; see its log.'],
};

/**
 * Turns what `pg` throws into a catalogue error with an instruction: DB_UNAVAILABLE or DB_FULL when the server is the
 * cause, INTERNAL otherwise. The message holds SQLSTATE, table and constraint only, for PostgreSQL's own text may quote
 * a row; that text is in `cause`. An error that is already ours comes back as it is.
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function translateDbError(error: unknown): EngineError {
  if (isEngineError(error)) return error;
  const fields = fieldsOf(error);
  if (/no space left on device/i.test(fields.message))
    return answer(fields, error, answers['53100']);
  const known =
    answers[fields.code] ?? (sqlState.test(fields.code) && answers[fields.code.slice(0, 2)]);
  if (known) return answer(fields, error, known);
  if (untrusted.test(fields.code)) return notTrusted(fields, error);
  if (unreachable.has(fields.code) || lostConnection.test(fields.message)) {
    const reason = fields.code || fields.message;
    return new EngineError(
      'DB_UNAVAILABLE',
      `The database${fields.place} does not answer (${reason}); check that PostgreSQL runs and that DATABASE_URL names it.`,
      { cause: error },
    );
  }
  return refused(fields, error);
}

/** For `catch`: throws what `translateDbError` makes of it. */
export function rethrowTranslated(error: unknown): never {
  throw translateDbError(error);
}

// Every SQLSTATE has a digit; Node's EPIPE has none.
const sqlState = /^(?=.*\d)[0-9A-Z]{5}$/;

// The connection (08), resources (53), a server that stops, starts or crashed (57P0x), its disk (58), a standby's read-only mode.
const outages = /^(08...|53...|57P0.|58...|25006)$/;
// The server is well and asks for another try: collisions, a lock that was not free, a statement cut off by its time limit or cancelled.
const passing = /^(40001|40P01|55P03|57014|25P03)$/;

/**
 * Whether the server or the way to it is the cause, so that waiting helps and other statements fare no better. A statement that
 * ran into its own limit of time is no outage (`mayPass`); nor is what no waiting mends, a refused login or a missing right.
 */
export function isOutage(error: unknown): boolean {
  const root = rootOf(error);
  if (isEngineError(root)) return root.code === 'DB_UNAVAILABLE' || root.code === 'DB_FULL';
  const { code, message } = fieldsOf(root);
  if (sqlState.test(code)) return outages.test(code);
  return (
    unreachable.has(code) ||
    lostConnection.test(message) ||
    /no space left on device/i.test(message)
  );
}

/** `isOutage` for an error that has crossed threads or the journal as data. */
export function isOutageData({ code, details }: ErrorData): boolean {
  const isOfDatabase = code === 'DB_UNAVAILABLE' || code === 'DB_FULL';
  return isOfDatabase && !passing.test(String(details?.sqlState ?? ''));
}

/** Whether the same statement may well succeed when it is sent again: an outage that ends, a collision, a limit of time. */
export function mayPass(error: unknown): boolean {
  return isOutage(error) || passing.test(fieldsOf(rootOf(error)).code);
}

// What a statement's own rows may be the reason for: how many there are, their values, constraints, sizes, what a trigger raises.
const ofRows = /^(21|22|23|54|P0)/;

/** Whether the database or the way to it is at fault, for now or until somebody mends it (a missing right, a refused login), and no row. */
export function isOfServer(error: unknown): boolean {
  if (mayPass(error)) return true;
  const { code } = fieldsOf(rootOf(error));
  return sqlState.test(code) ? !ofRows.test(code) : untrusted.test(code);
}

/** Whether the connection ended before the answer came, so that nobody can say whether the statement was carried out. */
export function isAnswerLost(error: unknown): boolean {
  const { code } = fieldsOf(rootOf(error));
  return isOutage(error) && (!sqlState.test(code) || /^(08...|57P0.)$/.test(code));
}

/** What `translateDbError` was given. */
function rootOf(error: unknown): unknown {
  return isEngineError(error) && error.cause !== undefined ? error.cause : error;
}

interface Fields {
  readonly code: string;
  readonly message: string;
  /** ' at host:port' when the error knows it. */
  readonly place: string;
  readonly object: string;
}

function fieldsOf(error: unknown): Fields {
  const raw = typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : {};
  // A name with several addresses fails with an AggregateError: its first member tells as much as all of them.
  const first = Array.isArray(raw.errors) ? (raw.errors[0] as Record<string, unknown>) : raw;
  const field = (name: string) => (first[name] === undefined ? '' : String(first[name]));
  const place =
    field('address') && ` at ${[field('address'), field('port')].filter(Boolean).join(':')}`;
  const object = [field('table'), field('constraint')].filter(Boolean).join(', ');
  return {
    code: field('code') || (typeof raw.code === 'string' ? raw.code : ''),
    message: field('message') || String(error),
    place,
    object: object && ` (${object})`,
  };
}

function answer(
  fields: Fields,
  cause: unknown,
  known: readonly ['DB_UNAVAILABLE' | 'DB_FULL', string] | undefined,
): EngineError {
  const [code, todo] = known ?? (['DB_UNAVAILABLE', 'See its log.'] as const);
  return new EngineError(code, `The database reported ${fields.code || 'a full disk'}. ${todo}`, {
    cause,
    ...(fields.code && { details: { sqlState: fields.code } }),
  });
}

function notTrusted({ code }: Fields, cause: unknown): EngineError {
  return new EngineError(
    'DB_UNAVAILABLE',
    `The database's certificate is not trusted (${code}); name its authority by sslrootcert in DATABASE_URL or NODE_EXTRA_CA_CERTS, and the server as its certificate does.`,
    { cause },
  );
}

function refused(fields: Fields, cause: unknown): EngineError {
  if (!sqlState.test(fields.code)) {
    return new EngineError('INTERNAL', `The database driver failed: ${fields.message}`, { cause });
  }
  return new EngineError(
    'INTERNAL',
    `The database refused a statement: SQLSTATE ${fields.code}${fields.object}; this is a defect in Tutti.`,
    { cause, details: { sqlState: fields.code } },
  );
}
