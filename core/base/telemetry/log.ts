import type { Scrubber } from './scrub.ts';
import { traceOf } from './span-ids.ts';

/** What a line of the log says beside its message: names of one word, ids of runs, steps and tenants among them. */
export interface LogFields {
  readonly runId?: string;
  readonly step?: string;
  readonly tenantId?: number;
  readonly agent?: string;
  readonly code?: string;
  /** What failed. */
  readonly error?: unknown;
  readonly [name: string]: unknown;
}

/** The process's log. A message is a sentence without values; they are in the fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

type Level = keyof Log;
const levels: readonly Level[] = ['debug', 'info', 'warn', 'error'];

/** A log that nobody reads. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** How a log is opened. */
export interface LogOptions {
  /** `TUTTI_LOG` (json, pretty or off) and `TUTTI_LOG_LEVEL` (debug, info, warn or error; default warn: quiet when all is well). */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether people read along. Without `TUTTI_LOG` they get plain lines, and programs JSON. */
  readonly isScreen: boolean;
  readonly scrubber: Scrubber;
  /** Takes what is written, line by line. */
  readonly write: (line: string) => void;
}

// Members of errors and requests that hold secrets wherever they turn up; the scrubber takes out what it knows anywhere else.
const secretPaths = ['authorization', 'cookie', 'password', 'secret', 'token', 'apiKey'].flatMap(
  (name) => [name, `*.${name}`, `*.*.${name}`],
);

/** Opens the log: JSON lines by pino, which is loaded only for those, or plain lines. */
export async function openLog(options: LogOptions): Promise<Log> {
  const { env, isScreen, scrubber, write } = options;
  const form = env.TUTTI_LOG?.trim() || (isScreen ? 'pretty' : 'json');
  const level = levels.find((each) => each === env.TUTTI_LOG_LEVEL?.trim()) ?? 'warn';
  if (form === 'off') return silentLog;
  if (form === 'pretty') return plainLog(level, (line) => write(scrubber.text(line)));
  const { pino } = await import('pino');
  const logger = pino(
    {
      level,
      base: { service: 'tutti', pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: errorFields },
      redact: { paths: secretPaths, censor: '[redacted]' },
      hooks: { streamWrite: (line) => scrubber.text(line) },
    },
    { write },
  );
  return logOf((at, message, fields) => logger[at](fields, message));
}

function plainLog(least: Level, write: (line: string) => void): Log {
  return logOf((at, message, fields) => {
    if (levels.indexOf(at) < levels.indexOf(least)) return;
    const { error, ...rest } = fields;
    const told = Object.entries(rest).map(([name, value]) => ` ${name}=${plain(value)}`);
    const lines = [`${at}: ${message}${told.join('')}`];
    if (error !== undefined) lines.push(`  ${plain(errorFields(error).stack)}`);
    write(`${lines.join('\n')}\n`);
  });
}

function logOf(write: (at: Level, message: string, fields: LogFields) => void): Log {
  const at =
    (level: Level): Log[Level] =>
    (message, fields = {}) =>
      write(level, message, traced(fields));
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** What is said of a run names its trace as well. */
function traced(fields: LogFields): LogFields {
  return fields.runId === undefined ? fields : { ...fields, traceId: traceOf(fields.runId) };
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}

/** Of an error only what Tutti's own have: those of libraries carry rows, requests and headers. */
function errorFields(error: unknown): Readonly<Record<'code' | 'message' | 'stack', unknown>> {
  if (!(error instanceof Error))
    return { code: undefined, message: String(error), stack: String(error) };
  const { code } = error as Error & { readonly code?: unknown };
  const cause = error.cause instanceof Error ? `\ncaused by ${error.cause.stack}` : '';
  return { code, message: error.message, stack: `${error.stack ?? error.message}${cause}` };
}
