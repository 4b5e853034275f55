import assert from 'node:assert/strict';
import { type RequirementId, requirements } from '../requirements.ts';

const known = new Set<string>(requirements.map(({ id }) => id));
const cited = new Set<RequirementId>();

/**
 * Says inside a test which requirements it verifies. They count when the test passes; an unknown id throws.
 */
export function verifies(...ids: readonly RequirementId[]): void {
  for (const id of ids) {
    assert.ok(known.has(id), `No requirement '${id}' in tests/requirements.ts.`);
    cited.add(id);
  }
}

/** A test on its way from the process that ran it to the reporter's, with the requirements that it cited there. */
export interface CitingTest extends Mocha.Test {
  readonly cited?: readonly RequirementId[];
  serialize(): object;
}

/** The requirements cited since the running test began, for the reporter. */
export function takeCited(): readonly RequirementId[] {
  const ids = [...cited];
  cited.clear();
  return ids;
}

/** Forgets what an earlier test cited: it did not pass. */
export function dropCited(): void {
  cited.clear();
}
