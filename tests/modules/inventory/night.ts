import { type AgentRun, fixtureConnector, runAgent } from 'tutti/testing';
import {
  type GeneratedSample,
  generateSample,
  type SampleOptions,
} from '../../../core/ports/erp/sample.ts';
import { inventory } from '../../../modules/inventory/index.ts';
import { sample } from '../../../modules/inventory/sample.ts';

/** A sample company with inventory alone. */
export function inventoryCompany(options: Omit<SampleOptions, 'samples'>): GeneratedSample {
  return generateSample({ ...options, samples: [sample] });
}

/** One step of a night. */
export type Done = AgentRun & { readonly agent: string };

/** Runs the playbook of every nightly agent over all of its units, then the summary over their outputs. */
export async function runNight(made: GeneratedSample): Promise<readonly Done[]> {
  const connector = fixtureConnector(inventory.records, made.rows);
  const scope = {
    module: 'inventory',
    connector,
    entities: inventory.records,
    today: made.asOf,
  };
  const rows = (entity: string) => made.rows.get(entity) ?? [];
  const warehouses = rows('warehouse').map(({ id }) => ({ warehouse: id }));
  const done: Done[] = [];
  const inputs: Readonly<Record<string, () => readonly object[]>> = {
    receipt_discrepancy: () => warehouses,
    cycle_count_planner: () => warehouses,
    reorder_point_planner: () => rows('item_group').map(({ id }) => ({ group: id })),
    valuation_reconciliation: () => rows('company').map(({ code }) => ({ company: code })),
    night_summary: () => [{ items: done.map((each) => each.output) }],
  };
  for (const agent of inventory.agents) {
    for (const input of inputs[agent.name]?.() ?? []) {
      const outcome = await runAgent(agent, { ...scope, input });
      done.push({ ...outcome, agent: `inventory.${agent.name}` });
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
