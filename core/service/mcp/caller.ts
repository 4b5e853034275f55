import type { Actor } from '../../engine/run/request.ts';
import type { Proof } from '../identity/proof.ts';

/** What a caller may do: look, or also start and end runs and call tools. */
export type Scope = 'read' | 'run';

/** The program that speaks over the Model Context Protocol, and for whom. */
export interface Caller {
  /** Tells callers apart where they are counted, and where each has keys of its own. */
  readonly id: string;
  /** Who it is in the record of the runs that it starts. */
  readonly actor: Actor;
  readonly scopes: ReadonlySet<Scope>;
  /** What it was let in by; null: being on this machine. */
  readonly proof: Proof | null;
}

/**
 * A program of this machine. Whoever reaches the loopback address, or starts the server, is the owner of this installation; what the
 * program says may still come from anywhere, so that runs take its input as text from outside.
 */
export const operator: Caller = Object.freeze({
  id: 'local',
  actor: { kind: 'agent', id: 'mcp', onBehalfOf: ['local'] } as const,
  scopes: new Set<Scope>(['read', 'run']),
  proof: null,
});
