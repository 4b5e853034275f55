import assert from 'node:assert/strict';
import type { Module } from 'tutti';
import { fixtureConnector } from 'tutti/testing';
import { effectKey } from '../../core/guard/effects.ts';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import type { GeneratedSample } from '../../core/ports/erp/sample.ts';
import type { AnyEntity } from '../../core/sdk/entity.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { hr } from '../../modules/hr/index.ts';
import { inventory } from '../../modules/inventory/index.ts';
import { StagedStep } from '../worker/rehearse.ts';
import * as compliance from './compliance/night.ts';
import * as finance from './finance/night.ts';
import * as staffing from './hr/night.ts';
import * as warehouses from './inventory/night.ts';
import type { Done, Staged } from './night.ts';

const nights: readonly { readonly staged: Staged; readonly entities: readonly AnyEntity[] }[] = [
  { staged: staffing.staged, entities: hr.records },
  { staged: warehouses.staged, entities: inventory.records },
  finance,
  compliance,
];

describe('a night in rehearsal', () => {
  for (const { staged, entities } of nights) {
    const { module } = staged;
    it(`hands in and finds what the night of ${module.name} does, and would propose the same`, async () => {
      const made = staged.company({ seed: 1 });
      const night = await staged.night(made);
      const stage = stageOf(module, { made, entities });
      assert.ok(night.some(({ effects }) => effects.length > 0));

      for (const done of night) {
        const step = stage(done);
        const { output, degraded } = await step.rehearse();

        assert.deepEqual(JSON.parse(output), JSON.parse(JSON.stringify(done.output)), done.agent);
        assert.deepEqual(step.findings, done.findings, done.agent);
        assert.deepEqual(keysObserved(step), keysProposed(module, made, done), done.agent);
        assert.equal(degraded, false);
        assert.ok(step.told.every(({ kind }) => kind !== 'intent' && kind !== 'effected'));
        assert.ok(step.turns.length >= 2 && step.turns.length <= done.toolCalls + 1, done.agent);
        assert.equal(step.turns.at(-1)?.stop, 'end');
      }
    });
  }
});

/** Makes a step of a night over the sample company. */
function stageOf(
  module: Module,
  { made, entities }: { readonly made: GeneratedSample; readonly entities: readonly AnyEntity[] },
): (done: Done) => StagedStep {
  const connector = fixtureConnector(entities, made.rows);
  const known = new Map([...sharedEntities, ...entities].map((entity) => [entity.name, entity]));
  return ({ agent: name, input }) => {
    const agent = module.agents.find((each) => `${module.name}.${each.name}` === name);
    assert.ok(agent, name);
    const own = { agentName: name, module: module.name, company: null, businessDate: made.asOf };
    return new StagedStep(agent, {
      input: agent.input.parse(input),
      scope: { ...own, connector, entities: known },
    });
  };
}

function keysObserved(step: StagedStep): readonly unknown[] {
  const observed = step.entries('effect.observed');
  assert.ok(observed.every(({ would }) => would === 'propose'));
  return [...new Set(observed.map(({ key }) => key))].sort();
}

function keysProposed(
  module: Module,
  made: GeneratedSample,
  { effects }: Done,
): readonly unknown[] {
  const at = { tenantId: 1, runId: '', stepPath: '', businessDate: made.asOf };
  const keys = effects.map(({ tool: name, args }) => {
    const tool = module.tools.find((each) => each.name === name) as AnyTool;
    return effectKey(tool, args, { at, proposed: true });
  });
  return keys.sort();
}
