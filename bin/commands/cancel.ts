import { askCommand } from '../ask.ts';

/** `tutti cancel RUN`: ends a run, or one step of it. */
export const cancel = askCommand('cancel', 'Asked to end. What was done stays recorded.');
