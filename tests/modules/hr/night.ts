import { type AgentRun, fixtureConnector, runAgent } from 'tutti/testing';
import {
  type GeneratedSample,
  generateSample,
  type SampleOptions,
} from '../../../core/ports/erp/sample.ts';
import { hr } from '../../../modules/hr/index.ts';
import { sample } from '../../../modules/hr/sample.ts';

/** A sample company with the people of hr. */
export function hrCompany(options: Omit<SampleOptions, 'samples'>): GeneratedSample {
  return generateSample({ ...options, samples: [sample] });
}

/** One step of a night. */
export type Done = AgentRun & { readonly agent: string };

/** Runs the playbook of every nightly agent over all of its units, then the summary over their outputs. */
export async function runNight(made: GeneratedSample): Promise<readonly Done[]> {
  const connector = fixtureConnector(hr.records, made.rows);
  const scope = { module: 'hr', connector, entities: hr.records, today: made.asOf };
  const departments = (made.rows.get('department') ?? []).map(({ id }) => ({ department: id }));
  const companies = (made.rows.get('company') ?? []).map(({ code }) => ({ company: code }));
  const done: Done[] = [];
  for (const agent of hr.agents) {
    const inputs: Readonly<Record<string, readonly object[]>> = {
      payroll_accrual_feed: companies,
      night_summary: [{ items: done.map((each) => each.output) }],
    };
    for (const input of inputs[agent.name] ?? departments) {
      const outcome = await runAgent(agent, { ...scope, input });
      done.push({ ...outcome, agent: `hr.${agent.name}` });
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
