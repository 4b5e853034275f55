import { type Command, exit } from '../command.ts';
import { version as release } from '../host.ts';

/** `tutti version`: the release, and nothing else. */
export const version: Command = {
  usage: { name: 'version', about: 'Prints the release.' },
  run: async (call) => {
    call.terminal.say(release);
    return exit.done;
  },
};
