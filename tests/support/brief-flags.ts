import { nodeFlags } from '../../bin/node24.mjs';

/**
 * For processes of tests that live for seconds, beside Tutti's own flags: a young generation that takes in what is loaded without being looked
 * through again and again, and one helper of V8 where several get into each other's way. A quarter of what such a process costs.
 */
export const briefly: readonly string[] = [
  '--min-semi-space-size=16',
  '--max-semi-space-size=16',
  '--v8-pool-size=1',
];

/** Tutti's own flags in our environment, and these. */
export const briefFlags: readonly string[] = [...nodeFlags, ...briefly];
