import { countOf } from '../../core/service/batch/format.ts';
import { readList, withReading } from '../call-reading.ts';
import { askedList, type Command, exit } from '../command.ts';
import { shortened, table } from '../terminal.ts';

/** Characters of an effect's arguments in the list; `--json` has them whole. */
const shownCharacters = 90;

/** `tutti proposals`: changes that wait for a person. */
export const proposals: Command = (call) => {
  const asked = askedList(call);
  const isAll = call.args.has('all');
  return withReading(call, async (reading) => {
    const { terminal } = call;
    const found = await readList(reading, asked, (tenantId, options) =>
      reading.history.proposals(tenantId, { ...options, all: isAll }),
    );
    if (terminal.isJson) terminal.print(found);
    else {
      const rows = found.map((each) => [
        each.became,
        each.tool,
        `${each.entity ?? ''} ${each.targetId ?? ''}`.trim(),
        each.agent ?? '',
        each.args === null ? '(erased)' : shortened(JSON.stringify(each.args), shownCharacters),
      ]);
      for (const line of table(rows)) terminal.say(line);
      const open = found.filter(({ state }) => state === 'proposed').length;
      terminal.say(`${countOf(open, 'proposal')} open.`);
    }
    return exit.done;
  });
};
