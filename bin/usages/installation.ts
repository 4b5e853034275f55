import { usualKeyDays } from '../../core/service/identity/key-view.ts';
import { roleNames } from '../../core/service/identity/permission.ts';
import type { Usages } from '../arguments.ts';
import { usualHours } from './amounts.ts';
import { defaultPort, flags } from './flags.ts';

/** How the commands are called that keep an installation. */
export const installation = {
  budgets: {
    name: 'budgets',
    about: 'Shows what models may cost today, or changes it; engines follow within a second.',
    positionals: ['[set|unset]', '[SCOPE]', '[USD_PER_DAY]'],
    flags: {
      simulated: { about: 'the purses of rehearsals instead of the real ones' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  limits: {
    name: 'limits',
    about: 'Shows how much of its limits each model has used, as the ledger has it.',
    flags: { json: flags.json },
  },
  status: {
    name: 'status',
    about: 'Tells how the installation is, and what it has done in the last hours.',
    flags: {
      hours: { value: 'N', about: `1 to 8784 (default ${usualHours})` },
      scale: flags.scale,
      json: flags.json,
    },
  },
  settings: {
    name: 'settings',
    about: 'Shows or changes what can be changed while Tutti runs; engines follow within a second.',
    positionals: ['[NAME]'],
    flags: {
      value: { value: 'JSON', about: 'sets NAME to this' },
      reset: { about: 'takes NAME back to what its agent, the configuration or nobody says' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  config: {
    name: 'config',
    about: [
      'Checks or shows what this installation is told.',
      'check: everything that is wrong with configuration and environment at once; exit code 2 when anything is',
      'show: every value and who says so: flag, environment, setting, profile, file or default; secrets only as set or not set',
    ].join('\n  '),
    positionals: ['ACTION'],
    flags: { json: flags.json },
  },
  key: {
    name: 'key',
    about: [
      'Makes, lists, rotates and revokes keys of the API. A key is shown once, when it is made.',
      'list: every key, also those that work no more',
      'create NAME: for --role (several by commas), of some --modules and --companies, for a --person',
      'rotate ID: a new text; the old one works for --overlap hours more (default 24)',
      'revoke ID: within a second it works nowhere',
    ].join('\n  '),
    positionals: ['ACTION', '[NAME]'],
    flags: {
      role: { value: 'A,B', about: `of create: ${roleNames.join(', ')}` },
      modules: { value: 'A,B', about: 'of create: the modules that it may touch (default all)' },
      companies: { value: 'A,B', about: 'of create: the companies (default all)' },
      person: {
        value: 'NAME',
        about: 'of create: whom it stands for; who decides approvals needs one',
      },
      rate: {
        value: 'NAME',
        about: 'of create: a rate of the configuration (default by its roles)',
      },
      days: { value: 'N', about: `how long it works (default ${usualKeyDays}; 0: for ever)` },
      overlap: { value: 'HOURS', about: 'of rotate: how long the old text works on (default 24)' },
      tenant: { value: 'NAME', about: 'whose key (default the tenant that ran last)' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  sessions: {
    name: 'sessions',
    about: [
      'Lists who is signed in with a browser, the last used first.',
      'end ID: within a second its cookie works nowhere',
    ].join('\n  '),
    positionals: ['[list|end]', '[ID]'],
    flags: {
      tenant: { value: 'NAME', about: 'whose (default the tenant that ran last)' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  tenant: {
    name: 'tenant',
    about: [
      'Makes, lists, suspends and resumes the tenants of this installation.',
      'list · create NAME · suspend NAME: its callers are refused, its runs stand still · resume NAME',
    ].join('\n  '),
    positionals: ['ACTION', '[NAME]'],
    flags: { json: flags.json },
  },
  retention: {
    name: 'retention',
    about:
      'Shows what runs take up and what the policy takes next; changes nothing without --apply.',
    flags: {
      apply: { about: 'applies the policy now, as a running engine does once a day' },
      json: flags.json,
    },
  },
  hold: {
    name: 'hold',
    about: 'Keeps a run from retention and erasure until it is released; see: tutti holds',
    positionals: ['RUN'],
    flags: {
      reason: { value: 'TEXT', about: 'why it is held, for example a case; needed to hold' },
      release: { about: 'releases it' },
      json: flags.json,
    },
  },
  holds: {
    name: 'holds',
    about: 'Lists the runs that are held, with the reasons.',
    flags: { scale: flags.scale, json: flags.json },
  },
  erase: {
    name: 'erase',
    about:
      'Erases inputs, outputs and texts for good, of one run or wherever a record is named; hashes and figures stay.',
    flags: {
      run: { value: 'ID', about: 'the run whose bodies go' },
      record: {
        value: 'ENTITY:ID',
        about: 'the record, for example employee:E-17; what names it goes',
      },
      reason: { value: 'TEXT', about: 'why; it is kept with who asked' },
      'dry-run': { about: 'with --record: only lists where it is named' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  encryption: {
    name: 'encryption',
    about: [
      'Shows and changes how inputs, outputs and texts lie in the database.',
      'status: how many lie there encrypted, under which master key, and how many as they are',
      'rotate: seals the data keys under the master key that the configuration names now, in pieces; ended, it goes on with what is left',
      'apply: encrypts what was stored before encryption was switched on, in pieces as well',
    ].join('\n  '),
    positionals: ['ACTION'],
    flags: { json: flags.json },
  },
  backup: {
    name: 'backup',
    about:
      'Writes all data into one file, beside running engines (default tutti-YYYYMMDD-HHMMSS.backup).',
    positionals: ['[PATH]'],
    flags: {
      keys: {
        value: 'PATH',
        about: 'where the data keys go, if anything is encrypted (default PATH.keys)',
      },
      force: { about: 'replaces a file that is there' },
      json: flags.json,
    },
  },
  restore: {
    name: 'restore',
    about: 'Puts a backup into an empty data folder or database; unfinished runs go on there.',
    positionals: ['PATH'],
    flags: {
      keys: {
        value: 'PATH',
        about:
          'the newest file with data keys (default PATH.keys); none: leaves what is encrypted unreadable',
      },
      json: flags.json,
    },
  },
  doctor: {
    name: 'doctor',
    about:
      'Checks what Tutti needs and says how to mend what is wrong; exit code 1 when something must be mended.',
    flags: {
      port: { ...flags.port, about: `port to check (default ${defaultPort})` },
      json: flags.json,
    },
  },
  version: { name: 'version', about: 'Prints the release.' },
} satisfies Usages;
