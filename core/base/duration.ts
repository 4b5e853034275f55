import { EngineError } from './errors.ts';

const pattern = /^P(?!$)(?:(\d+)D)?(?:T(?!$)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

/**
 * Milliseconds of an ISO 8601 duration in days, hours, minutes and seconds, for example `PT6H` or `P1DT30M`. Months and years
 * have no fixed length and are refused. @throws INPUT_INVALID
 */
export function durationMs(text: string): number {
  const match = pattern.exec(text);
  if (!match) {
    throw new EngineError(
      'INPUT_INVALID',
      `'${text}' is no ISO 8601 duration of days to seconds; write for example PT6H.`,
    );
  }
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match
    .slice(1)
    .map((part) => Number(part ?? 0));
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000;
}
