import { wrongUse } from '../arguments.ts';
import { askCommand } from '../ask.ts';

/** `tutti priority RUN N`: lets a run go before others, or after them. */
export const priority = askCommand('priority', 'Asked for that priority.', (text) => ({
  priority: readPriority(text),
}));

/** @throws INPUT_INVALID */
function readPriority(text: string): number {
  if (/^([1-9]|10)$/.test(text)) return Number(text);
  throw wrongUse('priority')(`takes a whole number from 1 to 10, not '${text.slice(0, 40)}'`);
}
