import { nodeFlags } from '../../bin/node24.mjs';

/**
 * Tutti's own flags, for processes of tests that live for a second or two: a young generation that takes in what is loaded, without looking through it
 * several times, and one helper of V8. Both together take a seventh from what a start costs.
 */
export const briefFlags: readonly string[] = [
  ...nodeFlags,
  '--min-semi-space-size=16',
  '--max-semi-space-size=16',
  '--v8-pool-size=1',
];
