import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { MCPAgent, MCPClient, MCPSession } from 'tutti/mcp-use';
import { verifies } from '../support/verifies.ts';

const page = readFileSync(new URL('../../docs/mcp-use.md', import.meta.url), 'utf8');

/** What is for Tutti's own classes, or is there with every agent as a member of its own. */
const apart = { MCPClient: [], MCPSession: ['read'], MCPAgent: [] };

describe('the page for those who come from mcp-use', () => {
  it('leads over in three steps, the first of which is the import', () => {
    verifies('R5.mcp-migration');
    const steps = [...page.matchAll(/^\*\*(\d)\. /gm)].map(([, number]) => number);

    assert.deepEqual(steps, ['1', '2', '3']);
    assert.match(page, /from 'tutti\/mcp-use'/);
    assert.match(page, /outside the engine/);
  });

  it('names every method that there is, and no other', () => {
    for (const each of [MCPClient, MCPSession, MCPAgent]) {
      const name = each.name as keyof typeof apart;
      const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` | `)) ?? '';
      const named = [...row.slice(name.length + 5).matchAll(/`(\w+)[`(]/g)].map(([, word]) => word);
      const members = [each, each.prototype]
        .flatMap((owner) => Object.getOwnPropertyNames(owner))
        .filter((member) => !['constructor', 'length', 'name', 'prototype'].includes(member))
        .filter((member) => !(apart[name] as readonly string[]).includes(member));

      assert.deepEqual(
        named.filter((word) => word !== 'toolsUsedNames').sort(),
        members.sort(),
        name,
      );
    }
  });
});
