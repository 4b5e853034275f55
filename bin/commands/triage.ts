import { EngineError } from '../../core/base/errors.ts';
import { Findings } from '../../core/engine/findings/findings.ts';
import { triageStates } from '../../core/engine/findings/triage-states.ts';
import type { TriageState } from '../../core/ports/db/states.ts';
import { wrongUse } from '../arguments.ts';
import { withTenant } from '../call-host.ts';
import type { Command } from '../command.ts';
import { operator } from '../operator.ts';
import { triageWords } from '../usages/results.ts';

/** `tutti triage FINDING`: says what is to become of a finding. */
export const triage: Command = (call) => {
  const { args, terminal } = call;
  const [fingerprint = ''] = args.positionals;
  const word = args.text('state');
  if (word === undefined) throw wrongUse('triage')(`needs --state, one of ${triageWords}`);
  const state = readTriageState(word);
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
