import type { z } from 'zod';
import { Scrubber } from '../base/telemetry/scrub.ts';
import { form } from '../sdk/document/document-form.ts';
import { configMembers } from './config-schema.ts';
import { profileNames } from './deployment-config.ts';

const { profiles: _profiles, ...members } = configMembers;
const overrides = form({ ...members, modules: members.modules.optional() });
const schema = form({
  ...configMembers,
  profiles: form(
    Object.fromEntries(profileNames.map((name) => [name, overrides.optional()])),
  ).optional(),
});

/** Shown of a value; the rest is in the file. */
const shownCharacters = 60;
const scrubber = new Scrubber();

/**
 * Everything that is wrong with what a configuration file exports, each as one sentence with the path, what was seen and what to do. What
 * is right need not work yet: modules, issuers, sources and servers are checked by those who use them.
 */
export function faultsOfConfig(value: unknown): readonly string[] {
  // Zod would write code for it that runs once a start: twice the work.
  const { error } = schema.safeParse(value, { jitless: true });
  return (error?.issues ?? []).flatMap((issue) => told(issue, value));
}

function told(issue: z.core.$ZodIssue, root: unknown): readonly string[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const hints = issue.message.split('\n');
    return issue.keys.slice(0, hints.length).map((key, index) => {
      return `${[...path, key].join('.').slice(0, 200)} ${hints[index]}`;
    });
  }
  const seen = valueAt(root, issue.path);
  const place = path.join('.') || 'the configuration';
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined)
    return [`${place} ${issue.message}`];
  const state = seen === undefined ? 'is missing' : `is ${shown(seen)}`;
  return [`${place} ${state}; ${adviceOf(issue)}`];
}

function adviceOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `give ${typeWords[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return issue.origin === 'string'
        ? 'give a text that is not empty'
        : `give ${issue.origin === 'array' ? 'a list of ' : ''}at least ${issue.minimum}`;
    case 'too_big':
      return `give at most ${issue.maximum}`;
    case 'invalid_value':
      return `give one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_format':
      return issue.format === 'url' ? 'give an http(s) address' : issue.message;
    default:
      return issue.message;
  }
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Readonly<Record<PropertyKey, unknown>>)[key];
  }
  return value;
}

function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const plain = typeof value === 'string' ? `'${scrubber.text(value)}'` : String(value);
  return plain.length > shownCharacters ? `${plain.slice(0, shownCharacters)}…` : plain;
}
