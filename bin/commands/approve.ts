import type { Command } from '../command.ts';
import { say } from '../say.ts';

/** `tutti approve ID [ID…]`: says yes to what people are asked. */
export const approve: Command = (call) => say(call, 'granted');
