import { type Command, flags } from '../command.ts';
import { say } from '../say.ts';

/** `tutti approve ID [ID…]`: says yes to what people are asked. */
export const approve: Command = {
  usage: {
    name: 'approve',
    about: 'Says yes to what tutti approvals lists; a person has one vote.',
    positionals: ['ID…'],
    flags: {
      as: flags.as,
      note: { value: 'TEXT', about: 'what is to be known with it; the run brings it' },
      json: flags.json,
    },
  },
  run: (call) => say(call, 'granted'),
};
