import { nodeFlags } from '../../bin/node24.mjs';

/**
 * Flags of Node for processes that tests start. What starts allocates much and keeps little of it: with young generations of 4 MB, which are for
 * servers that run for days, a tenth of a start goes into collecting them.
 */
export const childFlags: readonly string[] = [...nodeFlags, '--max-semi-space-size=16'];
