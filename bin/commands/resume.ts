import { askCommand } from '../ask.ts';

/** `tutti resume RUN`: lets a paused run go on. */
export const resume = askCommand('resume', {
  about: 'Lets a paused run go on.',
  said: 'Asked to go on.',
});
