import { askCommand } from '../ask.ts';

/** `tutti pause RUN`: holds a run back. */
export const pause = askCommand('pause', 'Asked to pause.');
