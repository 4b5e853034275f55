import { type EffectView, Reviews } from '../../core/engine/run/reviews.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { askedList, type Command, exit, flags, readList, withHost } from '../command.ts';
import { table } from '../terminal.ts';

/** Effects in one list; the newest. */
const shown = 200;

/** `tutti effects`: what was changed outside, and what a person must settle. */
export const effects: Command = {
  usage: {
    name: 'effects',
    about: `Lists the newest ${shown} changes that agents made or tried to make outside.`,
    flags: {
      review: { about: 'only those whose end nobody knows: settle them with tutti settle' },
      run: { value: 'ID', about: 'only those that this run began' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  run: (call) => {
    const asked = askedList(call);
    const needsPerson = call.args.has('review');
    return withHost(call, async (host) => {
      const { terminal } = call;
      const reviews = new Reviews(host.database.pool('tutti_engine', 1));
      const found = await readList(host, asked, (tenantId, { runId }) =>
        reviews.list(tenantId, { needsPerson, limit: shown, ...(runId && { runId }) }),
      );
      if (terminal.isJson) terminal.print(found);
      else {
        for (const line of table(found.map(cellsOf))) terminal.say(line);
        const open = found.filter((each) => each.needsPerson).length;
        terminal.say(`${countOf(found.length, 'effect')}, ${open} for a person to settle.`);
      }
      return exit.done;
    });
  },
};

function cellsOf(effect: EffectView): readonly string[] {
  return [
    effect.key.slice(0, 12),
    effect.needsPerson ? `${effect.state} (settle it)` : effect.state,
    effect.tool,
    `${effect.entity ?? ''} ${effect.targetId ?? ''}`.trim(),
    effect.agent ?? '',
    effect.startedAt?.toISOString().slice(0, 19) ?? '',
  ];
}
