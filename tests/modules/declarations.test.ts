import assert from 'node:assert/strict';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { compliance } from '../../modules/compliance/index.ts';
import { finance } from '../../modules/finance/index.ts';
import { hr } from '../../modules/hr/index.ts';
import { inventory } from '../../modules/inventory/index.ts';
import { verifies } from '../support/verifies.ts';

const modules = [hr, inventory, finance, compliance];
const agents = modules.flatMap((module) => module.agents);
const tools = modules.flatMap((module) => module.tools);

/** The names of an agent's tools. */
function namesOf(own: Readonly<Record<string, AnyTool>>): string[] {
  return Object.values(own).map((tool): string => tool.name);
}

describe('the declarations of the modules', () => {
  it("name in an agent's instructions each of its tools and each kind that it may report", () => {
    verifies('R1.agent-declaration');
    for (const { name, instructions, tools: own, findings = {} } of agents) {
      const named = [...namesOf(own), ...Object.keys(findings)];
      const missing = named.filter((each) => !instructions.includes(each));
      assert.deepEqual(missing, [], name);
    }
  });

  it('name no other tool in them', () => {
    const known = new Set<string>(tools.map((tool) => tool.name));
    for (const { name, instructions, tools: own } of agents) {
      const listed = namesOf(own);
      const words =
        instructions.match(/\b(?:hr|inventory|finance|compliance)\.[a-z_]+\.[a-z_]+/g) ?? [];
      assert.deepEqual(
        words.filter((word) => !known.has(word) || !listed.includes(word)),
        [],
        name,
      );
    }
  });

  it('describe every tool in at most two sentences, under a category and a name of its module', () => {
    verifies('R5.declare-tool', 'R5.tool-category', 'R3.erp-modules');
    for (const module of modules) {
      for (const { name, description, category } of module.tools) {
        assert.match(name, new RegExp(`^${module.name}\\.[a-z_]+\\.[a-z_]+$`));
        assert.match(description, /^[A-Z].*\.$/, name);
        assert.ok(description.split(/\. (?=[A-Z])/).length <= 2, name);
        assert.ok(category, name);
      }
    }
  });

  it('give every tool with an effect a business key, a scope and an action that takes it back', () => {
    verifies('R8.undo');
    const actions = new Set(
      modules.flatMap((module) => module.records).flatMap((entity) => Object.keys(entity.actions)),
    );
    // The shared party is released by compliance.
    actions.add('release');
    const outward = tools.filter((tool) => tool.effect !== 'read');
    assert.equal(outward.length, 17);
    for (const { name, key, scope, undo } of outward) {
      assert.ok(key && scope, name);
      assert.ok(undo && 'action' in undo && actions.has(undo.action), name);
    }
  });
});
