import type { Usages } from '../arguments.ts';
import { listed } from './amounts.ts';
import { flags } from './flags.ts';

/** What `tutti start` runs. */
export const startedWorkflow = 'nightly';

/** How the commands are called that start runs, look at them and steer them. */
export const work = {
  start: {
    name: 'start',
    about: `Runs the workflow '${startedWorkflow}' on the sample company, writes the report and serves the admin API until Ctrl-C.`,
    flags: {
      exit: { about: 'ends after the run: 0 succeeded, 3 in part, 1 failed' },
      port: flags.port,
      host: flags.host,
      scale: flags.scale,
      report: { value: 'PATH', about: 'file of the HTML report (default report.html)' },
    },
  },
  serve: {
    name: 'serve',
    about: 'Runs the engine and its admin API until Ctrl-C; unfinished runs go on.',
    flags: { port: flags.port, host: flags.host, scale: flags.scale },
  },
  worker: {
    name: 'worker',
    about:
      'Runs agents on this machine for engines on others, which let it in by its certificate, until Ctrl-C.',
    flags: {
      engine: {
        value: 'A,B',
        about: 'where engines listen for machines: tls://engine-1:4885; needed',
      },
      pool: { value: 'A,B', about: 'the pools that it is of, as `isolation` names them; needed' },
      lanes: { value: 'N', about: 'processes for each engine, 1 to 64 (default 1)' },
    },
  },
  run: {
    name: 'run',
    about:
      'Runs a workflow and waits for its end; beside a live engine it submits the run and follows it.',
    positionals: ['WORKFLOW'],
    flags: {
      input: { value: 'JSON', about: "the workflow's input (default {})" },
      goal: flags.goal,
      key: {
        value: 'K',
        about: 'idempotency key: a run that has it already is waited for, not started again',
      },
      version: {
        value: 'N',
        about:
          'this version of the workflow (default the one in force; see tutti workflow versions)',
      },
      rehearse: {
        about:
          'playbooks behind simulated model calls, with their time, tokens and prices; writes nothing',
      },
      speed: {
        value: 'N',
        about: 'of a rehearsal: simulated calls go N times as fast, 1 to 1000 (default 1)',
      },
      plan: {
        value: 'HASH',
        about: 'binds the run to this plan (tutti plan): it fails when it comes to anything else',
      },
      deadline: {
        value: 'MOMENT',
        about: 'cancels it if it has not ended by then: 2026-07-31T06:00:00Z, or a day, to its end',
      },
      events: { about: 'prints each event of the run as it comes, in place of its progress' },
      as: flags.as,
      scale: flags.scale,
      json: flags.json,
      report: { value: 'PATH', about: 'writes the HTML report to this file' },
    },
  },
  ask: {
    name: 'ask',
    about:
      'Gives an agent one task, in words or as its input, and prints what it answers; without a name the best agent for it.',
    positionals: ['[AGENT]', '[TEXT]'],
    flags: {
      capability: {
        value: 'NAME',
        about: 'an agent that can do this, in place of a name (see tutti modules)',
      },
      input: {
        value: 'JSON',
        about: "the agent's input; with TEXT what is beside that (default {})",
      },
      key: {
        value: 'K',
        about: 'idempotency key: a task that has it already is waited for, not started again',
      },
      priority: { value: 'N', about: 'of tasks that wait: 1 (last) to 10 (first), default 5' },
      wait: { about: 'waits for its end and prints the answer (the default)' },
      'no-wait': { about: 'leaves the task to the engine that serves the database' },
      as: flags.as,
      scale: flags.scale,
      json: flags.json,
    },
  },
  plan: {
    name: 'plan',
    about:
      'Goes through a workflow over the real records without a model and without writing, and says what a run would do and cost.',
    positionals: ['WORKFLOW'],
    flags: {
      input: { value: 'JSON', about: "the workflow's input (default {})" },
      goal: flags.goal,
      company: { value: 'CODE', about: 'the company that the run would be for (default all)' },
      'business-date': {
        value: 'YYYY-MM-DD',
        about: 'its "today" (default the sample company\'s)',
      },
      version: { value: 'N', about: 'this version of the workflow (default the one in force)' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  runs: {
    name: 'runs',
    about: `Lists the newest ${listed.runs} runs.`,
    flags: { scale: flags.scale, json: flags.json },
  },
  steps: {
    name: 'steps',
    about: 'Lists the steps of a run; of one step shows input, output and attempts.',
    positionals: ['RUN', '[STEP]'],
    flags: { json: flags.json },
  },
  explain: {
    name: 'explain',
    about:
      'Shows what the waiting steps of a run wait for, and when they should start; for one step everything in its way, and what lifting each would do.',
    positionals: ['RUN', '[STEP]'],
    flags: { json: flags.json },
  },
  cancel: {
    name: 'cancel',
    about: 'Cancels a run: what waits never starts, what runs is aborted, what was done stays.',
    positionals: ['RUN'],
    flags: {
      step: {
        value: 'PATH',
        about: 'only this step, for example match/check[V-17]; a foreach with all of its items',
      },
      subtree: { about: 'with --step: also everything that waits for it' },
      as: flags.as,
    },
  },
  retry: {
    name: 'retry',
    about:
      'Does again what has failed of a run that has ended, in a new run that begins with what succeeded; waits for its end.',
    positionals: ['RUN'],
    flags: {
      key: {
        value: 'K',
        about: 'idempotency key: a retry that has it already is waited for, not started again',
      },
      as: flags.as,
      json: flags.json,
      report: { value: 'PATH', about: 'writes the HTML report to this file' },
    },
  },
  pause: {
    name: 'pause',
    about:
      'Holds a run back: what runs goes on to its end, nothing new starts until `tutti resume`.',
    positionals: ['RUN'],
    flags: { as: flags.as },
  },
  resume: {
    name: 'resume',
    about: 'Lets a paused run go on.',
    positionals: ['RUN'],
    flags: { as: flags.as },
  },
  priority: {
    name: 'priority',
    about:
      'Changes the priority of a run that lives, 1 to 10 (10 goes first), also of its steps that are ready.',
    positionals: ['RUN', 'N'],
    flags: { as: flags.as },
  },
} satisfies Usages;
