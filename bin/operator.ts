import { userInfo } from 'node:os';
import { readPerson } from '../core/engine/approvals/person.ts';
import type { Actor } from '../core/engine/store/store.ts';
import type { Call } from './command.ts';

/** The account of the operating system that uses this terminal: who a call is that has no --as, and the door that a vote comes through. */
export function operator(): Actor {
  return { kind: 'person', id: `cli:${accountName()}` };
}

/** Who a call of this terminal is in the record of what it does: the account, and the person whom --as names. @throws INPUT_INVALID */
export function actorOfCall({ args }: Pick<Call, 'args'>): Actor {
  const named = args.text('as');
  return named === undefined ? operator() : { ...operator(), onBehalfOf: [readPerson(named)] };
}

/** The person for whom a call of this terminal speaks: who --as names, else the account. @throws INPUT_INVALID */
export function personOfCall({ args }: Pick<Call, 'args'>): string {
  const named = args.text('as');
  return named === undefined ? operator().id : readPerson(named);
}

/** A container may run as a number that has no name. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
