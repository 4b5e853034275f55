import { toErrorData } from '../../base/errors.ts';
import type { Connector } from '../../ports/erp/connector.ts';
import type { Freshness } from '../../ports/erp/freshness.ts';
import type { CompiledWait } from '../graph/compiled.ts';
import type { StepEnd, WaitingStep } from './children.ts';
import type { Run } from './run.ts';
import type { Step } from './step.ts';

/** Steps of a tenant that wait for events of one entity, read together. */
interface Watch {
  readonly tenantId: number;
  readonly connector: Connector;
  readonly entity: string;
  readonly steps: WaitingStep[];
}

/**
 * ERP events that steps wait for. The connector's changes are hints: each is followed from the cursor of the moment at which its step
 * began to wait, which the journal keeps, so that no event is missed while no engine is up.
 */
export class Happenings {
  readonly #connectorOf: (tenantId: number) => Connector;
  readonly #freshness: Pick<Freshness, 'changed'> | undefined;

  constructor(
    connectorOf: (tenantId: number) => Connector,
    freshness?: Pick<Freshness, 'changed'>,
  ) {
    this.#connectorOf = connectorOf;
    this.#freshness = freshness;
  }

  /** Marks the moment from which events count; returns its cursor. @throws ERP_* */
  async begin(run: Run, step: Step): Promise<string> {
    const { entity } = eventOf(step);
    const connector = this.#connectorOf(run.facts.tenantId);
    const { cursor } = await connector.changes(null, { entities: [entity] });
    step.cursor = cursor;
    return cursor;
  }

  /** Which of the waiting steps' events have come. One whose ERP does not answer goes on waiting. */
  async come(waiting: readonly WaitingStep[]): Promise<readonly StepEnd[]> {
    const ends: StepEnd[] = [];
    for (const watch of this.#watches(waiting)) {
      for (const each of watch.steps) {
        const end = await this.#look(watch, each).catch(() => null);
        if (end) ends.push(end);
      }
    }
    return ends;
  }

  #watches(waiting: readonly WaitingStep[]): Iterable<Watch> {
    const watches = new Map<string, Watch>();
    for (const each of waiting) {
      if (each.step.wait !== 'event') continue;
      const { entity } = eventOf(each.step);
      const { tenantId } = each.run.facts;
      const key = `${tenantId} ${entity}`;
      const watch = watches.get(key) ?? {
        tenantId,
        connector: this.#connectorOf(tenantId),
        entity,
        steps: [],
      };
      watch.steps.push(each);
      watches.set(key, watch);
    }
    return watches.values();
  }

  async #look(watch: Watch, { run, step }: WaitingStep): Promise<StepEnd | null> {
    const { tenantId, connector, entity } = watch;
    const from = step.cursor;
    if (from === null) return null;
    const { events, cursor } = await connector.changes(from, { entities: [entity] });
    // What goes on after the event sees what has happened.
    if (events.length > 0) this.#freshness?.changed(tenantId, entity);
    for (const { id, version } of events) {
      const page = await connector.query({ entity, filter: { id: { eq: id } }, limit: 1 });
      const event = { entity, id, version, record: page.rows[0] ?? null };
      const outcome = outcomeOf(run, step, event);
      if (outcome) return { run, step, outcome };
    }
    step.cursor = cursor;
    return null;
  }
}

function outcomeOf(run: Run, step: Step, event: unknown): StepEnd['outcome'] | null {
  try {
    const { match } = eventOf(step);
    if (match && match({ ...run.scope(step.item), event }) !== true) return null;
    return { kind: 'succeeded', output: event, json: JSON.stringify(event) };
  } catch (error) {
    return { kind: 'failed', error: toErrorData(error) };
  }
}

function eventOf(step: Step) {
  const { for: what } = step.place as CompiledWait;
  return what as Extract<CompiledWait['for'], { readonly kind: 'event' }>;
}
