import { Scrubber } from '../../core/base/telemetry/scrub.ts';
import { checkInstallation } from '../checkup.ts';
import { type Command, exit } from '../command.ts';
import { table } from '../terminal.ts';

const words = { ok: 'ok', note: 'note', mend: 'MEND' } as const;

/** `tutti doctor`: whether everything that Tutti needs is there. */
export const doctor: Command = async (call) => {
  const { terminal } = call;
  const checks = new Scrubber(call.env).data(await checkInstallation(call), 'text');
  if (terminal.isJson) terminal.print(checks);
  else {
    const lines = table(checks.map((check) => [words[check.state], check.name, check.found]));
    for (const [index, check] of checks.entries()) {
      const line = lines[index] ?? '';
      terminal.say(check.state === 'mend' ? terminal.red(line) : line);
      if (check.mend !== undefined) terminal.say(`      ${check.mend}`);
    }
  }
  return checks.some((check) => check.state === 'mend') ? exit.failed : exit.done;
};
