import { countOf } from '../../core/service/batch/format.ts';
import { askedList, type Command, exit, flags, readList, withHost } from '../command.ts';
import { table } from '../terminal.ts';

/** Characters of an effect's arguments in the list; `--json` has them whole. */
const shownCharacters = 90;

function shorten(text: string): string {
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters - 1)}…` : text;
}

/** `tutti proposals`: changes that wait for a person. */
export const proposals: Command = {
  usage: {
    name: 'proposals',
    about: 'Lists the changes to the ERP that wait for a decision.',
    flags: {
      run: { value: 'ID', about: 'only those that this run asked for' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  run: (call) => {
    const asked = askedList(call);
    return withHost(call, async (host) => {
      const { terminal } = call;
      const open = await readList(host, asked, (tenantId, options) =>
        host.history.proposals(tenantId, options),
      );
      if (terminal.isJson) terminal.print(open);
      else {
        const rows = open.map((each) => [
          each.tool,
          `${each.entity ?? ''} ${each.targetId ?? ''}`.trim(),
          each.agent ?? '',
          each.args === null ? '(erased)' : shorten(JSON.stringify(each.args)),
        ]);
        for (const line of table(rows)) terminal.say(line);
        terminal.say(`${countOf(open.length, 'proposal')} open.`);
      }
      return exit.done;
    });
  },
};
