import { type Command, exit } from '../command.ts';
import { version as release } from '../version.ts';

/** `tutti version`: the release, and nothing else. */
export const version: Command = async (call) => {
  call.terminal.say(release);
  return exit.done;
};
