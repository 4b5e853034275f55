import { type EffectView, Reviews } from '../../core/engine/store/reviews.ts';
import { countOf } from '../../core/service/batch/format.ts';
import { readList, withReading } from '../call-reading.ts';
import { askedList, type Command, exit } from '../command.ts';
import { table } from '../terminal.ts';
import { listed } from '../usages/amounts.ts';

/** Effects in one list; the newest. */

/** `tutti effects`: what was changed outside, and what a person must settle. */
export const effects: Command = (call) => {
  const asked = askedList(call);
  const needsPerson = call.args.has('review');
  return withReading(call, async (reading) => {
    const { terminal } = call;
    const reviews = new Reviews(reading.database.pool('tutti_engine', 1));
    const found = await readList(reading, asked, (tenantId, { runId }) =>
      reviews.list(tenantId, { needsPerson, limit: listed.effects, ...(runId && { runId }) }),
    );
    if (terminal.isJson) terminal.print(found);
    else {
      for (const line of table(found.map(cellsOf))) terminal.say(line);
      const open = found.filter((each) => each.needsPerson).length;
      terminal.say(`${countOf(found.length, 'effect')}, ${open} for a person to settle.`);
    }
    return exit.done;
  });
};

function cellsOf(effect: EffectView): readonly string[] {
  return [
    effect.key.slice(0, 12),
    effect.needsPerson ? `${effect.state} (settle it)` : effect.state,
    effect.tool,
    `${effect.entity ?? ''} ${effect.targetId ?? ''}`.trim(),
    effect.agent ?? '',
    decidedBy(effect),
    effect.startedAt?.toISOString().slice(0, 19) ?? '',
  ];
}

/** `autonomy.act by payables v3`; the rule alone where no policy said it. */
function decidedBy({ rule, policy }: EffectView): string {
  if (rule === null || policy === null) return rule ?? '';
  const which = 'version' in policy ? `v${policy.version}` : 'of the code';
  return `${rule} by ${policy.name} ${which}`;
}
