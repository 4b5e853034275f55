import { type AgentRun, fixtureConnector, runAgent } from 'tutti/testing';
import {
  type GeneratedSample,
  generateSample,
  type SampleOptions,
} from '../../../core/ports/erp/sample.ts';
import { compliance } from '../../../modules/compliance/index.ts';
import { sample as complianceSample } from '../../../modules/compliance/sample.ts';
import { records as financeRecords } from '../../../modules/finance/records.ts';
import { sample as financeSample } from '../../../modules/finance/sample.ts';
import { hr } from '../../../modules/hr/index.ts';
import { sample as hrSample } from '../../../modules/hr/sample.ts';
import { records as inventoryRecords } from '../../../modules/inventory/records.ts';
import { sample as inventorySample } from '../../../modules/inventory/sample.ts';

/** The whole sample company: compliance looks at what all others have made. */
export function wholeCompany(options: Omit<SampleOptions, 'samples'>): GeneratedSample {
  const samples = [hrSample, inventorySample, financeSample, complianceSample];
  return generateSample({ ...options, samples });
}

/** The records of all modules. */
export const entities = [
  ...hr.records,
  ...inventoryRecords,
  ...financeRecords,
  ...compliance.records,
];

/** One step of a night. */
export type Done = AgentRun & { readonly agent: string };

/** Runs the playbook of every nightly agent over all of its units, then the module's summary over their outputs. */
export async function runNight(made: GeneratedSample): Promise<readonly Done[]> {
  const connector = fixtureConnector(entities, made.rows);
  const scope = { module: 'compliance', connector, entities, today: made.asOf };
  const ids = (entity: string) => (made.rows.get(entity) ?? []).map(({ id }) => id);
  const done: Done[] = [];
  for (const agent of compliance.agents) {
    const inputs: Readonly<Record<string, () => readonly object[]>> = {
      sod_conflict_scan: () => ids('user_group').map((group) => ({ group })),
      sanctions_screening: () => ids('party_group').map((group) => ({ group })),
      je_testing: () => ids('journal').map((journal) => ({ journal })),
      policy_exception_review: () => ids('department').map((department) => ({ department })),
      night_summary: () => [{ items: done.map((each) => each.output), missing: 0 }],
      group_summary: () => [{ items: [done.at(-1)?.output], missing: 0 }],
    };
    for (const input of inputs[agent.name]?.() ?? []) {
      const outcome = await runAgent(agent, { ...scope, input });
      done.push({ ...outcome, agent: `compliance.${agent.name}` });
    }
  }
  return done;
}

/** A finding or a truth as text, so that sets compare. */
export function mark(of: {
  readonly agent: string;
  readonly kind: string;
  readonly company?: string;
  readonly records: readonly { readonly entity: string; readonly id: string }[];
}): string {
  const records = of.records.map(({ entity, id }) => `${entity} ${id}`).join(', ');
  return `${of.agent} ${of.kind} ${of.company}: ${records}`;
}
