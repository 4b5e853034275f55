import { EngineError } from '../../base/errors.ts';

/** What is wrong with a node of a workflow. */
export function invalid(path: string, what: string): EngineError {
  return new EngineError('WORKFLOW_INVALID', `Node '${path}' ${what}.`);
}

/** What the check of a workflow found at one place of it. */
export interface Fault {
  /** Id of the node, `foreach.node` inside of an item's graph, null for the workflow itself. */
  readonly node: string | null;
  /** Where within the node, for example `input.limit`; of the workflow itself for example `output.total`. */
  readonly path: string;
  /** What kind of fault, for programs: lower snake case. */
  readonly code: FaultCode;
  /** What is wrong, the value seen, and what to do; one or two sentences. */
  readonly message: string;
  /** Errors refuse the workflow; warnings are told. */
  readonly severity: 'error' | 'warning';
}

/** The kinds of faults that a check finds. */
export type FaultCode =
  /** The structure itself: ids, edges, cycles, durations. */
  | 'structure'
  /** An expression that is no CEL, or past the bounds of expressions. */
  | 'expression'
  | 'unknown_member'
  | 'type_mismatch'
  | 'missing_field'
  | 'unknown_field'
  | 'unknown_name'
  | 'may_be_absent'
  | 'unreachable'
  | 'unused_output'
  /** An agent joins text from outside, sensitive data and an effect that nobody takes back. */
  | 'rule_of_two';
