import { askCommand } from '../ask.ts';

/** `tutti cancel RUN`: ends a run, or one step of it. */
export const cancel = askCommand('cancel', {
  about: 'Cancels a run: what waits never starts, what runs is aborted, what was done stays.',
  said: 'Asked to end. What was done stays recorded.',
  flags: {
    step: {
      value: 'PATH',
      about: 'only this step, for example match/check[V-17]; a foreach with all of its items',
    },
    subtree: { about: 'with --step: also everything that waits for it' },
  },
});
