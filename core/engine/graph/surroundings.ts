import type { FaultCode } from './fault.ts';
import type { Facts } from './narrow.ts';
import type { ScopeTypes } from './scope.ts';
import { dyn, type ValueType } from './types.ts';

/** What is wrong within an expression. */
export interface Issue {
  readonly code: FaultCode;
  readonly message: string;
  readonly severity: 'error' | 'warning';
}

/** Where an expression stands. */
export interface Surroundings {
  readonly types: ScopeTypes;
  /** What conditions around it say of members. */
  readonly facts: Facts;
  readonly report: (issue: Issue) => void;
  /** An output of another node is read; `isAsked`: only if it is there. */
  readonly refer: (reference: Reference) => void;
}
export interface Reference {
  readonly root: 'nodes' | 'each';
  readonly id: string;
  readonly isAsked: boolean;
}

/** Reports an error. What is wrong is anything from there on, so that it is said once. */
export function wrong(code: FaultCode, message: string, { report }: Surroundings): ValueType {
  report({ code, message, severity: 'error' });
  return dyn;
}

/** A sentence with its end. */
export function ended(text: string): string {
  return text.endsWith('?') ? text : `${text}.`;
}
