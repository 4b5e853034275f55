import { EngineError } from '../core/base/errors.ts';

const day = /^\d{4}-\d{2}-\d{2}$/;
const moment = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/;

/** A moment that a flag names. @throws INPUT_INVALID */
export function readMoment(flag: string, text: string): Date {
  const read = new Date(text);
  if (moment.test(text) && !Number.isNaN(read.getTime())) return read;
  throw new EngineError(
    'INPUT_INVALID',
    `--${flag} is '${text.slice(0, 40)}'; write a moment, 2026-07-31T12:00:00Z.`,
  );
}

/** The moment until which a flag says that something holds: a day, to its end (UTC), or a moment. @throws INPUT_INVALID */
export function readUntil(flag: string, text: string): Date {
  const isDay = day.test(text);
  const until = new Date(isDay ? `${text}T23:59:59.999Z` : text);
  const isReal = !Number.isNaN(until.getTime()) && (!isDay || until.toISOString().startsWith(text));
  if ((isDay || moment.test(text)) && isReal) return until;
  throw new EngineError(
    'INPUT_INVALID',
    `--${flag} is '${text.slice(0, 40)}'; write a day, 2026-07-31, or a moment, 2026-07-31T12:00:00Z.`,
  );
}

/** A moment to its minute, in UTC: `2026-07-31T12:00Z`. */
export function minuteText(moment: Date): string {
  return `${moment.toISOString().slice(0, 16)}Z`;
}
