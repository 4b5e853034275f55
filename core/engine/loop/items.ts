import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import type { Connector } from '../../ports/erp/connector.ts';
import { Patience } from '../../ports/erp/patience.ts';
import { wireFilter } from '../../ports/erp/records.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { Run } from '../run/run.ts';
import type { Container } from '../run/step.ts';

/** How many rows of a query a foreach takes; more is an error of its node. */
const largestForeach = 50_000;
const pageRows = 5_000;

/** What a foreach's items are read with. */
export interface ItemsParts {
  readonly registry: Registry;
  readonly connector: Connector;
  readonly clock: Pick<Clock, 'after'>;
  /** Aborted when nobody wants them any more. @default somebody always does */
  readonly givenUp?: AbortSignal;
}

/** What a foreach runs over: a list that an expression names, or the rows of a query, each page of which is waited for a minute. @throws WORKFLOW_INVALID · ERP_* · DB_* */
export async function itemsOf(
  run: Run,
  { node }: Container,
  { registry, connector, clock, givenUp }: ItemsParts,
): Promise<readonly unknown[]> {
  const { items, id } = node;
  if (items.kind === 'value') {
    const value = items.value(run.scope());
    if (Array.isArray(value)) return value;
    throw new EngineError('WORKFLOW_INVALID', `Node '${id}': its items are no list.`);
  }
  const { order } = items.query;
  const entity = registry.entities.get(items.query.entity);
  if (!entity)
    throw new EngineError(
      'WORKFLOW_INVALID',
      `Node '${id}' queries '${items.query.entity}', which no module declares.`,
    );
  const filter = wireFilter(entity, items.filter(run.scope()) as Readonly<Record<string, unknown>>);
  const patience = new Patience(clock, givenUp);
  const rows: unknown[] = [];
  let cursor: string | null = null;
  do {
    const from: { readonly cursor?: string } = cursor === null ? {} : { cursor };
    const asked = { entity: entity.name, filter, order, limit: pageRows, ...from };
    const page = await patience.wait(`which '${entity.name}' there are`, (signal) =>
      connector.query(asked, { signal }),
    );
    rows.push(...page.rows);
    cursor = page.cursor;
    if (rows.length > largestForeach)
      throw new EngineError(
        'WORKFLOW_INVALID',
        `Node '${id}' has more than ${largestForeach} items; narrow its query.`,
      );
  } while (cursor !== null);
  return rows;
}
