import { type ErrorCode, errorRow } from '../../base/errors.ts';
import { beyondRecovery, type RecoveryRule } from '../../sdk/recovery.ts';

/** Whether rules say what follows a failure; what nobody recovers from by a rule is settled elsewhere. */
export function isRecoverable(code: ErrorCode): boolean {
  return !beyondRecovery.has(code);
}

/** Whether a rule is about a failure. */
export function isAbout(rule: RecoveryRule, code: ErrorCode): boolean {
  const { category, retryable } = errorRow(code);
  return rule.on ? rule.on.includes(code) || rule.on.includes(category) : retryable;
}

/** Whether the same again may help: the catalogue says so, or the rule names this very code. */
export function mayRepeat(rule: RecoveryRule, code: ErrorCode): boolean {
  return errorRow(code).retryable || rule.on?.includes(code) === true;
}
