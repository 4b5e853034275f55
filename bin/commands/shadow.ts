import type { Since } from '../../core/engine/authority/shadow-view.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { withHost } from '../call-host.ts';
import { readList } from '../call-reading.ts';
import { askedList, type Command, exit } from '../command.ts';
import { authorityOf } from '../parts/authority-of.ts';
import { table } from '../terminal.ts';

/** Effects in one list; the newest. */
const shown = 200;
/** Characters of an effect's arguments in the list; `--json` has them whole. */
const shownCharacters = 70;

const said: Readonly<Record<Since, string>> = {
  same: 'done the same',
  changed: 'changed by somebody',
  unchanged: 'unchanged',
  unknown: 'unknown',
};

/** `tutti shadow`: what agents in the shadow would have done. */
export const shadow: Command = (call) => {
  const asked = askedList(call);
  return withHost(call, async (host) => {
    const { terminal } = call;
    const { shadow } = authorityOf(host);
    const views = await readList(host, asked, (tenantId, options) =>
      shadow(tenantId, { ...options, limit: shown }),
    );
    if (terminal.isJson) terminal.print(views);
    else {
      const rows = views.map((each) => [
        each.agent ?? '',
        each.tool,
        `${each.entity ?? ''} ${each.targetId ?? ''}`.trim(),
        `would ${each.would}`,
        each.args === null ? '(erased)' : JSON.stringify(each.args).slice(0, shownCharacters),
        said[each.since],
      ]);
      for (const line of table(rows)) terminal.say(line);
      terminal.say(`${countOf(views.length, 'effect')} in the shadow.`);
    }
    return exit.done;
  });
};
