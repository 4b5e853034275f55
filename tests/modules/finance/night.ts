import { fixtureConnector, runAgent } from 'tutti/testing';
import {
  type GeneratedSample,
  generateSample,
  type SampleOptions,
} from '../../../core/ports/erp/sample.ts';
import { finance } from '../../../modules/finance/index.ts';
import { sample as financeSample } from '../../../modules/finance/sample.ts';
import { records as inventoryRecords } from '../../../modules/inventory/records.ts';
import { sample as inventorySample } from '../../../modules/inventory/sample.ts';

/** A sample company with the modules that finance requires. */
export function financeCompany(options: Omit<SampleOptions, 'samples'>): GeneratedSample {
  return generateSample({ ...options, samples: [inventorySample, financeSample] });
}

/** The records of finance and of what it requires. */
export const entities = [...inventoryRecords, ...finance.records];

export type Done = Awaited<ReturnType<typeof runAgent>> & { readonly agent: string };

/** Runs the playbook of every nightly agent over all of its units. */
export async function runNight(made: GeneratedSample): Promise<readonly Done[]> {
  const connector = fixtureConnector(entities, made.rows);
  const inputs = inputsOf(made);
  const done: Done[] = [];
  for (const agent of finance.agents) {
    for (const input of inputs.get(agent.name) ?? []) {
      const outcome = await runAgent(agent, {
        ...{ module: 'finance', input, connector, entities, today: made.asOf },
      });
      done.push({ ...outcome, agent: `finance.${agent.name}` });
    }
  }
  return done;
}

function inputsOf(made: GeneratedSample): ReadonlyMap<string, readonly object[]> {
  const rows = (entity: string) => made.rows.get(entity) ?? [];
  const vendors = rows('party')
    .filter((party) => party.supplier)
    .map(({ id }) => ({ vendor: id }));
  const accounts = rows('bank_account')
    .filter((account) => account.company !== null)
    .map(({ id }) => ({ account: id }));
  return new Map<string, readonly object[]>([
    ['duplicate_invoice_guard', vendors],
    ['three_way_match', vendors],
    ['bank_reconciliation', accounts],
    ['subledger_reconciliation', rows('company').map(({ code }) => ({ company: code }))],
  ]);
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
