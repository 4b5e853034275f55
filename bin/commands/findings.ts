import { countOf, formatAmount } from '../../core/service/batch/format.ts';
import { askedList, type Command, exit, flags, readList, withHost } from '../command.ts';
import { table } from '../terminal.ts';

const severities: readonly string[] = ['critical', 'high', 'medium', 'low'];
const rankOf = (severity: string): number => severities.indexOf(severity);

/** `tutti findings`: what a run found. */
export const findings: Command = {
  usage: {
    name: 'findings',
    about: 'Lists the findings of a run.',
    flags: { run: flags.run, scale: flags.scale, json: flags.json },
  },
  run: (call) => {
    const asked = askedList(call);
    return withHost(call, async (host) => {
      const { terminal } = call;
      const found = await readList(host, asked, (tenantId, options) =>
        host.history.findings(tenantId, options),
      );
      if (terminal.isJson) terminal.print(found);
      else {
        const worstFirst = found.toSorted((a, b) => rankOf(a.severity) - rankOf(b.severity));
        const rows = worstFirst.map((each) => [
          each.severity,
          each.company ?? 'group',
          each.amount === null ? '' : `${formatAmount(each.amount)} ${each.currency ?? ''}`,
          each.agent,
          `${each.summary || '(erased)'}${each.known ? ' (known)' : ''}`,
        ]);
        for (const line of table(rows, [2])) terminal.say(line);
        const isRehearsed = found.some(({ simulated }) => simulated);
        terminal.say(`${countOf(found.length, 'finding')}${isRehearsed ? ' of a rehearsal' : ''}.`);
      }
      return exit.done;
    });
  },
};
