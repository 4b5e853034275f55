import { type RawBuilder, sql } from 'kysely';
import { delegationWorkflow, taskWorkflow } from '../tasks/agent-task.ts';
import { undoWorkflow } from '../undo/undo-workflow.ts';

/** Which of a tenant's runs a reader may see: those of some modules, of some companies; null: of all of them. */
export interface Sight {
  readonly modules: readonly string[] | null;
  readonly companies: readonly string[] | null;
}

/**
 * A condition on rows `r` of `tutti.run`, to be put behind others; empty for whoever sees everything. It costs a look at one row of
 * `definition` by its primary key for each run that is left. A run of no company, or of no module, is seen only by those who see
 * all of them; one of Tutti's own workflows is of the module whose agent, tool or run it is about.
 */
export function inSight(sight: Sight | undefined): RawBuilder<unknown> {
  const { modules = null, companies = null } = sight ?? {};
  const ofCompanies = companies ? sql`AND r.company = ANY(${[...companies]}::text[])` : sql``;
  const ofModules = modules ? sql`AND ${ofModule} = ANY(${[...modules]}::text[])` : sql``;
  return sql`${ofCompanies} ${ofModules}`;
}

/** The module of the workflow version that a run keeps; '' for none. */
const moduleOf = (run: string): RawBuilder<unknown> => {
  const of = (column: string): RawBuilder<unknown> => sql.ref(`${run}.${column}`);
  return sql`(SELECT coalesce(d.module, split_part(CASE WHEN d.name IN (${taskWorkflow}, ${delegationWorkflow}) THEN d.body#>>'{nodes,0,agent}'
      WHEN d.name LIKE 'apply:%' OR d.name LIKE 'tool:%' THEN split_part(d.name, ':', 2) ELSE '' END, '.', 1))
    FROM tutti.definition d WHERE d.tenant_id = ${of('tenant_id')} AND d.kind = 'workflow' AND d.name = ${of('workflow')} AND d.version = ${of('workflow_version')})`;
};

// An undo names in its key the run that it takes back.
const ofModule = sql`(CASE WHEN r.workflow = ${undoWorkflow} THEN (SELECT ${moduleOf('u')} FROM tutti.run u
    WHERE u.tenant_id = r.tenant_id AND u.id = split_part(r.key, ':', 2)::uuid) ELSE ${moduleOf('r')} END)`;

/**
 * A condition on a call of a tool, by its columns, with two parameters from number `from`: `callSight`. A call of no company is seen only by
 * those who see all of them.
 */
export function callInSight(tool: string, company: string, from: number): string {
  return `($${from}::text[] IS NULL OR split_part(${tool}, '.', 1) = ANY($${from})) AND ($${from + 1}::text[] IS NULL OR ${company} = ANY($${from + 1}))`;
}

/** What `callInSight` asks for. */
export function callSight({
  modules = null,
  companies = null,
}: Partial<Sight> = {}): readonly [readonly string[] | null, readonly string[] | null] {
  return [modules, companies];
}
