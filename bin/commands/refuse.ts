import { EngineError } from '../../core/base/errors.ts';
import { type Command, flags } from '../command.ts';
import { say } from '../say.ts';

/** `tutti refuse ID --note TEXT`: says no to what people are asked. */
export const refuse: Command = {
  usage: {
    name: 'refuse',
    about: 'Says no to what tutti approvals lists; one no refuses.',
    positionals: ['ID'],
    flags: {
      note: { value: 'TEXT', about: 'why; it must be given' },
      as: flags.as,
      json: flags.json,
    },
  },
  run: async (call) => {
    if (!call.args.text('note')?.trim())
      throw new EngineError('INPUT_INVALID', 'tutti refuse needs --note with the reason.');
    return await say(call, 'refused');
  },
};
