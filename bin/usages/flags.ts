import type { Flag } from '../arguments.ts';
import { usualDays } from './amounts.ts';

/** Where the admin API listens unless somebody says so. */
export const defaultPort = 4884;

/** Flags that several commands share. */
export const flags = {
  json: { about: 'prints one JSON document and nothing else on standard output' },
  scale: {
    value: 'N',
    about: 'size of the sample company, 1 (about 700 agents a night, default) to 20',
  },
  port: {
    value: 'N',
    about: `port of the admin API (default ${defaultPort}; 0 takes any that is free)`,
  },
  host: {
    value: 'ADDRESS',
    about: 'where the API listens (default 127.0.0.1; beyond this machine only with api.keysOnly)',
  },
  goal: {
    value: 'TEXT',
    about: "what the run is for, in a sentence; its agents are told (default the workflow's)",
  },
  as: { value: 'NAME', about: 'the person who you are (default: your account on this machine)' },
  days: { value: 'N', about: `how far back, 1 to 365 (default ${usualDays})` },
  run: { value: 'ID', about: 'the run (default: the newest that has ended)' },
} as const satisfies Readonly<Record<string, Flag>>;
