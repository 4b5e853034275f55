import { EngineError } from '../../core/base/errors.ts';
import type { Command } from '../command.ts';
import { say } from '../say.ts';

/** `tutti refuse ID --note TEXT`: says no to what people are asked. */
export const refuse: Command = async (call) => {
  if (!call.args.text('note')?.trim())
    throw new EngineError('INPUT_INVALID', 'tutti refuse needs --note with the reason.');
  return await say(call, 'refused');
};
