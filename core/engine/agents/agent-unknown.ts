import { EngineError } from '../../base/errors.ts';

/** There is no such agent, or no such version of one; `message` says which, and where to look. */
export function agentUnknown(message: string): EngineError {
  return new EngineError('AGENT_UNKNOWN', message);
}
