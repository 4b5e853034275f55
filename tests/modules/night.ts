import assert from 'node:assert/strict';
import type { Module, Truth } from 'tutti';
import { type AgentRun, fixtureConnector, runAgent } from 'tutti/testing';
import type { GeneratedSample, SampleOptions } from '../../core/ports/erp/sample.ts';
import type { AnyEntity } from '../../core/sdk/entity.ts';
import { type Marked, markAll } from '../support/finding-mark.ts';
import { verifies } from '../support/verifies.ts';

/** One step of a night. */
export type Done = AgentRun & { readonly agent: string; readonly input: object };

/** The inputs of each agent, made when its turn comes: summaries take what the steps before them handed in. */
export type Inputs = Readonly<Record<string, (done: readonly Done[]) => readonly object[]>>;

/** Runs the playbook of every agent of a module over all of its inputs, in the order in which the module lists them. */
export async function runNight(
  module: Module,
  made: GeneratedSample,
  options: { readonly entities: readonly AnyEntity[]; readonly inputs: Inputs },
): Promise<readonly Done[]> {
  const { entities, inputs } = options;
  const connector = fixtureConnector(entities, made.rows);
  const scope = { module: module.name, connector, entities, today: made.asOf };
  const done: Done[] = [];
  for (const agent of module.agents) {
    for (const input of inputs[agent.name]?.(done) ?? []) {
      const outcome = await runAgent(agent, { ...scope, input });
      done.push({ ...outcome, agent: `${module.name}.${agent.name}`, input });
    }
  }
  return done;
}

/** Every row of an entity as the input `{ [name]: row.id }`, or another field of it. */
export function unitsOf(
  made: GeneratedSample,
  entity: string,
  { as, field = 'id' }: { readonly as: string; readonly field?: string },
): readonly object[] {
  return (made.rows.get(entity) ?? []).map((row) => ({ [as]: row[field] }));
}

/** A module with its sample company and its night. */
export interface Staged {
  readonly module: Module;
  readonly company: (options: Omit<SampleOptions, 'samples'>) => GeneratedSample;
  readonly night: (made: GeneratedSample) => Promise<readonly Done[]>;
}

/**
 * Generates the company of seed 1, and the night over each company, once a process: several files look at them, and none changes them.
 */
export function once({ module, company, night }: Staged): Staged {
  const nights = new WeakMap<GeneratedSample, Promise<readonly Done[]>>();
  let usual: GeneratedSample | undefined;
  return {
    module,
    company(options) {
      if (JSON.stringify(options) !== '{"seed":1}') return company(options);
      usual ??= company(options);
      return usual;
    },
    night(made) {
      const done = nights.get(made) ?? night(made);
      nights.set(made, done);
      return done;
    },
  };
}

/** Declares the tests that a module's playbooks find exactly what its sample has planted, whatever the sample's form. */
export function findsWhatIsPlanted(
  { module, company, night }: Staged,
  variants: readonly Omit<SampleOptions, 'samples'>[],
): void {
  for (const options of variants) {
    it(`finds exactly what was planted (${JSON.stringify(options)})`, async () => {
      verifies('R3.playbook', 'R3.erp-modules');
      const made = company(options);
      const truth = made.truth.filter((each) => each.agent.startsWith(`${module.name}.`));

      const done = await night(made);

      const found = done.flatMap(({ agent, findings }) =>
        findings.map((finding): Marked => ({ agent, ...finding })),
      );
      assert.deepEqual(markAll(found), markAll(truth));
      assertAllKinds(module, truth);
    });
  }
}

/** Every kind of finding is planted at least twice. */
function assertAllKinds(module: Module, truth: readonly Truth[]): void {
  const kinds = module.agents.flatMap((agent) => Object.keys(agent.findings ?? {}));
  const rare = kinds.filter((kind) => truth.filter((each) => each.kind === kind).length < 2);
  assert.deepEqual(rare, [], 'kinds that are planted less than twice');
}

/** What each unit reports agrees with its findings, after at most `most` tool calls. */
export function assertUnitsReport(units: readonly Done[], most: number): void {
  for (const { agent, toolCalls, output, findings } of units) {
    assert.ok(toolCalls >= 1 && toolCalls <= most, `${agent} made ${toolCalls} calls`);
    const { flagged, checked } = output as { flagged: number; checked: number };
    assert.equal(flagged, findings.length, agent);
    assert.ok(checked >= flagged, agent);
  }
}

/**
 * Every effect of a night is a proposal; two with one business key are one and the same, and keys are ids and codes only.
 */
export function assertOnlyProposals(module: Module, done: readonly Done[]): void {
  const effects = done.flatMap((each) => each.effects);
  assert.ok(effects.length > 0);
  const argsOf = new Map<string, unknown>();
  for (const { tool: name, args, state } of effects) {
    assert.equal(state, 'proposed', name);
    const parts: readonly unknown[] =
      module.tools.find((tool) => tool.name === name)?.key?.(args) ?? [];
    assert.ok(parts.length > 0, `${name} has no key`);
    for (const part of parts) assert.match(String(part), /^[\w-]+$/, name);
    const key = JSON.stringify([name, ...parts]);
    if (argsOf.has(key)) assert.deepEqual(argsOf.get(key), args, key);
    argsOf.set(key, args);
  }
}

/** How many effects of a tool a night has proposed. */
export function countOf(done: readonly Done[], tool: string): number {
  return done.flatMap((each) => each.effects).filter((effect) => effect.tool === tool).length;
}

/** How many findings of these kinds a night has reported; a kind that ends in a dot stands for its whole topic. */
export function foundOf(done: readonly Done[], ...kinds: readonly string[]): number {
  const isMeant = (kind: string): boolean =>
    kinds.some((each) => (each.endsWith('.') ? kind.startsWith(each) : kind === each));
  return done.flatMap((each) => each.findings).filter(({ kind }) => isMeant(kind)).length;
}
