import { EngineError } from '../../core/base/errors.ts';
import { Findings } from '../../core/engine/findings/findings.ts';
import { triageStates } from '../../core/engine/findings/triage.ts';
import type { TriageState } from '../../core/ports/db/states.ts';
import { type Command, flags, withTenant } from '../command.ts';
import { operator } from '../operator.ts';

/** The words, for people. */
export const triageWords: string = triageStates.join(', ');

/** `tutti triage FINDING`: says what is to become of a finding. */
export const triage: Command = {
  usage: {
    name: 'triage',
    about: `Says what is to become of a finding. See: tutti findings --state open`,
    positionals: ['FINDING'],
    flags: {
      state: {
        value: 'STATE',
        about: `${triageWords}; one that was resolved and is found again is open again`,
      },
      assignee: {
        value: 'NAME',
        about: 'the person whose it is; "" is nobody (default: as it was)',
      },
      note: { value: 'TEXT', about: 'what is to be known with it' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  run: (call) => {
    const { args, terminal } = call;
    const [fingerprint = ''] = args.positionals;
    const state = readTriageState(args.text('state') ?? '');
    const assignee = args.text('assignee');
    return withTenant(call, async (host, tenantId) => {
      const ask = { tenantId, fingerprint, state, note: args.text('note'), actor: operator() };
      const person = assignee === '' ? null : assignee;
      const view = await new Findings(host.database).triage({ ...ask, assignee: person });
      if (terminal.isJson) terminal.print(view);
      else {
        const whose = view.assignee === null ? '' : `, and ${view.assignee}'s`;
        terminal.say(`Finding ${fingerprint.slice(0, 12)} is ${view.state}${whose}.`);
      }
    });
  },
};

/** @throws INPUT_INVALID */
export function readTriageState(word: string): TriageState;
export function readTriageState(word: string | undefined): TriageState | undefined;
export function readTriageState(word: string | undefined): TriageState | undefined {
  if (word === undefined) return undefined;
  const state = triageStates.find((each) => each === word);
  if (state) return state;
  throw new EngineError(
    'INPUT_INVALID',
    `'${word.slice(0, 64)}' is no state of a finding; give --state one of ${triageWords}.`,
  );
}
