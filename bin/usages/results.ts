import { costWays } from '../../core/engine/costs/cost-ways.ts';
import { triageStates } from '../../core/engine/findings/triage-states.ts';
import type { Verdict } from '../../core/ports/dispatcher.ts';
import type { Usages } from '../arguments.ts';
import { listed, savingDays, usualDays } from './amounts.ts';
import { flags } from './flags.ts';

/** What people can say of an effect whose end nobody knows. */
export const verdicts: readonly Verdict[] = ['happened', 'did-not-happen', 'retry'];

/** What can become of a finding, for people. */
export const triageWords: string = triageStates.join(', ');

/** How the commands are called that show what runs brought and what becomes of it. */
export const results = {
  findings: {
    name: 'findings',
    about: 'Lists the findings of a run; with --state those of all runs, each once.',
    flags: {
      run: flags.run,
      state: { value: 'STATE', about: `only those that are ${triageWords}: see tutti triage` },
      scale: flags.scale,
      json: flags.json,
    },
  },
  report: {
    name: 'report',
    about: 'Shows what a night brought and what changed since the one before; sends it, if asked.',
    positionals: ['[RUN]'],
    flags: {
      since: {
        value: 'RUN',
        about: 'the night to compare with (default: the last that got through)',
      },
      send: { about: "sends it to whom 'morningReport' of the configuration names" },
      json: flags.json,
    },
  },
  triage: {
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
  proposals: {
    name: 'proposals',
    about: 'Lists the changes to the ERP that wait for a decision: tutti approvals.',
    flags: {
      run: { value: 'ID', about: 'only those that this run asked for' },
      all: { about: 'also what was decided, with what became of it' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  effects: {
    name: 'effects',
    about: `Lists the newest ${listed.effects} changes that agents made or tried to make outside.`,
    flags: {
      review: { about: 'only those whose end nobody knows: settle them with tutti settle' },
      run: { value: 'ID', about: 'only those that this run began' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  settle: {
    name: 'settle',
    about: `Says how an effect ended: ${verdicts.join(', ')}. See: tutti effects --review`,
    positionals: ['KEY', 'VERDICT'],
    flags: {
      outcome: { value: 'JSON', about: 'with happened: what the tool would have answered' },
      reason: { value: 'TEXT', about: 'how you know; it is kept with the effect' },
      json: flags.json,
    },
  },
  undo: {
    name: 'undo',
    about:
      "Takes back what an ended run or one of its steps did, the last effect first, by the ERP's own reversals.",
    positionals: ['RUN', '[STEP]'],
    flags: {
      'dry-run': { about: 'only says what would be taken back, and what cannot be' },
      as: flags.as,
      reason: { value: 'TEXT', about: 'why; it is kept with the undo' },
      json: flags.json,
    },
  },
  errors: {
    name: 'errors',
    about: 'Counts what failed by code, category, severity, agent, day and tool.',
    flags: {
      days: flags.days,
      scale: flags.scale,
      json: flags.json,
    },
  },
  entries: {
    name: 'entries',
    about: 'Searches the journals of all runs, the newest first.',
    flags: {
      run: { value: 'ID', about: 'of this run alone, whatever its age' },
      agent: { value: 'NAME', about: 'of the steps of this agent: module.agent' },
      tool: { value: 'NAME', about: 'about this tool' },
      code: { value: 'CODE', about: 'that tell of an error of this code' },
      kind: { value: 'KIND', about: 'of one kind, such as step.failed or tool.called' },
      days: flags.days,
      limit: { value: 'N', about: `how many at most, 1 to 10000 (default ${listed.entries})` },
      scale: flags.scale,
      json: flags.json,
    },
  },
  costs: {
    name: 'costs',
    about: 'Adds up what models cost in the last days.',
    flags: {
      by: { value: 'WAY', about: `${costWays.join(', ')} (default model)` },
      days: { value: 'N', about: `UTC days, today included, 1 to 365 (default ${usualDays})` },
      simulated: { about: 'the calls of rehearsals, which nobody pays, instead of the real ones' },
      saving: {
        about: `instead, by agent: where a cheaper model would have done (default ${savingDays} days)`,
      },
      scale: flags.scale,
      json: flags.json,
    },
  },
} satisfies Usages;
