import { askCommand } from '../ask.ts';

/** `tutti resume RUN`: lets a paused run go on. */
export const resume = askCommand('resume', 'Asked to go on.');
