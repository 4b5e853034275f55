import { EngineError, type ErrorData, isEngineError } from '../base/errors.ts';

/** Which stop keeps something from happening: `stop.agent`, `stop.module`, `stop.tenant`, `stop.suspended`, `stop.all`; `stop.unknown` where nobody can look. */
export type StopRule = `stop.${'agent' | 'module' | 'tenant' | 'suspended' | 'all' | 'unknown'}`;

/** The end of an effect that a stop kept from happening: nothing has been done. */
export function stopped(rule: StopRule, message: string): EngineError {
  return new EngineError('STOPPED', message, { details: { rule } });
}

/** Whether something was kept from happening by a stop. */
export function isStop(error: unknown): boolean {
  return isEngineError(error) && error.code === 'STOPPED';
}

/** The rule of a stop that an error tells of, or null. */
export function stopRuleOf({ code, details }: ErrorData): string | null {
  return code === 'STOPPED' ? String(details?.rule ?? 'stop') : null;
}
