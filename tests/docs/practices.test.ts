import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readArguments } from '../../bin/arguments.ts';
import { commands } from '../../bin/commands.ts';
import { verifies } from '../support/verifies.ts';

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

describe('the guide of good practice', () => {
  const page = read('docs/practices.md');
  const rows = [...page.matchAll(/^\| (\d+) \| (.*) \| (.*) \|$/gm)];
  const quoted = [...page.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);

  it('has a checklist for production, each point with what checks it', () => {
    verifies('R14.practices');
    assert.deepEqual(
      rows.map(([, number]) => Number(number)),
      Array.from({ length: 15 }, (_, index) => index + 1),
    );
    const unchecked = rows.filter(([, , , how = '']) => !how.includes('`'));
    assert.deepEqual(unchecked, []);
  });

  it('names commands that there are, as they are called', () => {
    verifies('R14.practices');
    const called = quoted.flatMap((text) => (text.startsWith('tutti ') ? [text.split(' ')] : []));
    const wrong: string[] = [];
    for (const [, name = '', ...rest] of called) {
      const command = commands[name];
      const source = command ? read(`bin/commands/${name}.ts`) : '';
      // What an action is called stands in its command.
      const [action = ''] = rest;
      const takesAction = /ACTION|\|/.test(command?.usage.positionals?.[0] ?? '');
      if (!command) wrong.push(`tutti ${name}`);
      else if (
        takesAction &&
        /^[a-z]+$/.test(action) &&
        !new RegExp(`\\b${action}\\b`).test(source)
      )
        wrong.push(`tutti ${name} ${action}`);
      else readArguments(command.usage, rest);
    }

    assert.ok(called.length > 20, `${called.length} commands`);
    assert.deepEqual(wrong, []);
  });

  it('names settings, variables and routes that there are', () => {
    verifies('R14.practices');
    const known = read('docs/configuration.md') + read('docs/api.md') + read('docs/sdk.md');
    const named = quoted.filter((text) =>
      /^(TUTTI_\w+|\/\w+|(api|limits)\.\w+|roles|alerts|modelLimits|onBudget|recovery|lookUp)$/.test(
        text,
      ),
    );
    const members = (text: string): string => text.replace(/^limits\./, '');

    assert.ok(named.length > 8, named.join());
    assert.deepEqual(
      named.filter((text) => !known.includes(members(text))),
      [],
    );
  });
});
