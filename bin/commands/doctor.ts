import { defaultPort } from '../api.ts';
import { checkInstallation } from '../checkup.ts';
import { type Command, exit, flags } from '../command.ts';
import { table } from '../terminal.ts';

const words = { ok: 'ok', note: 'note', mend: 'MEND' } as const;

/** `tutti doctor`: whether everything that Tutti needs is there. */
export const doctor: Command = {
  usage: {
    name: 'doctor',
    about:
      'Checks what Tutti needs and says how to mend what is wrong; exit code 1 when something must be mended.',
    flags: {
      port: { ...flags.port, about: `port to check (default ${defaultPort})` },
      json: flags.json,
    },
  },
  async run(call) {
    const { terminal } = call;
    const checks = await checkInstallation(call);
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
  },
};
