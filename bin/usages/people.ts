import type { Usages } from '../arguments.ts';
import { listed } from './amounts.ts';
import { flags } from './flags.ts';

/** How the commands are called by which people decide, stop and look after agents. */
export const people = {
  approvals: {
    name: 'approvals',
    about: `Lists what waits for people to decide, at most ${listed.approvals}: tutti approve, tutti refuse.`,
    flags: {
      run: { value: 'ID', about: 'only what this run asks' },
      all: { about: 'also what has been decided, has expired or was withdrawn' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  approve: {
    name: 'approve',
    about: 'Says yes to what tutti approvals lists; a person has one vote.',
    positionals: ['ID…'],
    flags: {
      as: flags.as,
      note: { value: 'TEXT', about: 'what is to be known with it; the run brings it' },
      json: flags.json,
    },
  },
  refuse: {
    name: 'refuse',
    about: 'Says no to what tutti approvals lists; one no refuses.',
    positionals: ['ID'],
    flags: {
      note: { value: 'TEXT', about: 'why; it must be given' },
      as: flags.as,
      json: flags.json,
    },
  },
  delegate: {
    name: 'delegate',
    about:
      'Lets somebody else approve for you until a moment; without TO: lists who does for whom.',
    positionals: ['[TO]'],
    flags: {
      until: {
        value: 'DATE',
        about: 'the last day, 2026-07-31, to its end (UTC), or a moment, 2026-07-31T12:00:00Z',
      },
      end: { about: 'takes it back' },
      as: flags.as,
      scale: flags.scale,
      json: flags.json,
    },
  },
  stop: {
    name: 'stop',
    about: 'Stops all, the tenant, a module or an agent within a second; --lift lets it go on.',
    positionals: ['all|tenant|module:NAME|agent:NAME'],
    flags: {
      reason: { value: 'TEXT', about: 'why, for the record and for whoever is kept from working' },
      lift: { about: 'takes the stop back: what waited goes on' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  stops: {
    name: 'stops',
    about: 'Lists what is stopped, by whom and why.',
    flags: {
      all: { about: 'those that were lifted, too' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  autonomy: {
    name: 'autonomy',
    about:
      'Lists how far agents may go (observe, propose, approve, act), or sets it for AGENT with TOOL.',
    positionals: ['[AGENT]', '[TOOL]', '[LEVEL]'],
    flags: {
      company: { value: 'CODE', about: 'only for runs of this company' },
      reset: {
        about: 'takes back what was set for AGENT with TOOL; without them all that was set',
      },
      scale: flags.scale,
      json: flags.json,
    },
  },
  policy: {
    name: 'policy',
    about: [
      'Lists policies; writes versions of them, compares them and puts them in force while Tutti runs.',
      'list: those that count now · show NAME: one with its versions, or a version (--version)',
      'check FILE|NAME: what would come of it, before anything changes · diff NAME N M: what is wider and what is stricter',
      'draft FILE: stores a version · publish FILE|NAME: puts one in force (--version, or the newest; --from)',
      'rollback NAME: puts an older version in force (--version, or the one before) · withdraw NAME: lets the code decide again',
      'agree NAME NO: the word of a second person, where agents may do more by it',
    ].join('\n  '),
    positionals: ['ACTION', '[FILE|NAME]', '[N]', '[M]'],
    flags: {
      version: { value: 'N', about: 'this version' },
      from: {
        value: 'TIME',
        about: 'from when on it counts: a moment, 2026-07-31T12:00:00Z (default: at once)',
      },
      as: flags.as,
      scale: flags.scale,
      json: flags.json,
    },
  },
  shadow: {
    name: 'shadow',
    about: 'Lists what agents in the shadow would have done, and what has become of it since.',
    flags: {
      run: { value: 'ID', about: 'only in this run' },
      scale: flags.scale,
      json: flags.json,
    },
  },
  audit: {
    name: 'audit',
    about: [
      'Shows what people and keys have changed, and proves that this record is as it was written.',
      `list: the newest ${listed.audit}, or as the flags say`,
      'verify [FILE]: the log of this database, or an exported file; --head OLDER finds what was cut off or written anew since',
      'export --to FILE: all of it, a row a line, with a signed head as its last line',
      'key: the public key that signatures are verified with',
    ].join('\n  '),
    positionals: ['[list|verify|export|key]', '[FILE]'],
    flags: {
      actor: { value: 'ID', about: 'of list: whose changes' },
      action: { value: 'NAME', about: "of list: for example key.revoke, or 'key.*'" },
      target: { value: 'ID', about: 'of list: what was changed' },
      from: { value: 'TIME', about: 'of list: not before this moment (YYYY-MM-DD or RFC 3339)' },
      to: { value: 'PATH', about: 'of export: the file · of list: before this moment' },
      limit: { value: 'N', about: `of list: how many (default ${listed.audit})` },
      head: {
        value: 'FILE',
        about: 'of verify: an older export, to whose signed head it must agree',
      },
      key: { value: 'HEX', about: 'of verify: the public key that counts (default: this place’s)' },
      tenant: { value: 'NAME', about: 'whose log (default the tenant that ran last)' },
      installation: { about: 'the log of what belongs to no tenant' },
      scale: flags.scale,
      json: flags.json,
    },
  },
} satisfies Usages;
