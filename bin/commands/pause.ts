import { askCommand } from '../ask.ts';

/** `tutti pause RUN`: holds a run back. */
export const pause = askCommand('pause', {
  about: 'Holds a run back: what runs goes on to its end, nothing new starts until `tutti resume`.',
  said: 'Asked to pause.',
});
