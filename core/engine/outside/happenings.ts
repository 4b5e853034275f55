import type { Clock } from '../../base/clock.ts';
import { toErrorData } from '../../base/errors.ts';
import type { Connector } from '../../ports/erp/connector.ts';
import type { Freshness } from '../../ports/erp/freshness.ts';
import { Patience, Silence } from '../../ports/erp/patience.ts';
import type { CompiledWait } from '../graph/compiled.ts';
import { holds } from '../graph/condition.ts';
import type { Run } from '../run/run.ts';
import { pathOf, type Step } from '../run/step.ts';
import type { StepEnd, WaitingStep } from './children.ts';

/** Who is told of what was looked for. */
export interface HappeningEvents {
  came(end: StepEnd): void;
  /** A tenant's ERP could not be asked at all, or has not answered in time. */
  failed(error: unknown): void;
}

/**
 * ERP events that steps wait for. The connector's changes are hints: each is followed from the cursor of the moment at which its step
 * began to wait, which the journal keeps, so that no event is missed while no engine is up.
 */
export class Happenings {
  readonly #connectorOf: (tenantId: number) => Connector;
  readonly #patience: Patience;
  readonly #freshness: Pick<Freshness, 'changed'> | undefined;
  /** Tenants whose ERP is being asked. */
  readonly #asked = new Set<number>();

  constructor(
    connectorOf: (tenantId: number) => Connector,
    clock: Pick<Clock, 'after'>,
    freshness?: Pick<Freshness, 'changed'>,
  ) {
    this.#connectorOf = connectorOf;
    this.#patience = new Patience(clock);
    this.#freshness = freshness;
  }

  /** Marks the moment from which events count; returns its cursor. @throws ERP_* */
  async begin(run: Run, step: Step): Promise<string> {
    const { entity } = eventOf(step);
    const connector = this.#connectorOf(run.facts.tenantId);
    const { cursor } = await this.#patience.wait(changesOf(entity), (signal) =>
      connector.changes(null, { entities: [entity], signal }),
    );
    step.cursor = cursor;
    return cursor;
  }

  /**
   * Looks for the events of waiting steps, and waits for nobody: the ERPs of all tenants are asked side by side, each step after step, and one
   * that has not answered is asked nothing more until it has, or is late. So one that fails or hangs keeps only its own steps waiting, and one that
   * never answers for an entity the other steps of its tenant for no longer than that.
   */
  look(waiting: readonly WaitingStep[], events: HappeningEvents): void {
    for (const [tenantId, steps] of byTenant(waiting)) {
      if (this.#asked.has(tenantId)) continue;
      this.#asked.add(tenantId);
      void this.#ask(tenantId, steps, events)
        .catch((error: unknown) => events.failed(error))
        .finally(() => this.#asked.delete(tenantId));
    }
  }

  /** Looks a last time for the event of a step whose time is up: it may have come while nobody looked. @throws ERP_* */
  last(waiting: WaitingStep): Promise<StepEnd | null> {
    return this.#come(this.#connectorOf(waiting.run.facts.tenantId), waiting);
  }

  async #ask(
    tenantId: number,
    steps: readonly WaitingStep[],
    events: HappeningEvents,
  ): Promise<void> {
    const connector = this.#connectorOf(tenantId);
    const silent = new Set<string>();
    for (const each of steps) {
      if (each.step.wait !== 'event') continue;
      const { entity } = eventOf(each.step);
      if (silent.has(entity)) continue;
      // One whose ERP does not answer goes on waiting.
      const end = await this.#come(connector, each).catch((error: unknown) => {
        if (!(error instanceof Silence)) return null;
        silent.add(entity);
        events.failed(error);
        return null;
      });
      if (end) events.came(end);
    }
  }

  async #come(connector: Connector, { run, step }: WaitingStep): Promise<StepEnd | null> {
    const from = step.cursor;
    if (from === null) return null;
    const { entity } = eventOf(step);
    const { events, cursor } = await this.#patience.wait(changesOf(entity), (signal) =>
      connector.changes(from, { entities: [entity], signal }),
    );
    // What goes on after the event sees what has happened.
    if (events.length > 0) this.#freshness?.changed(run.facts.tenantId, entity);
    for (const { id, version } of events) {
      const asked = { entity, filter: { id: { eq: id } }, limit: 1 };
      const page = await this.#patience.wait(changesOf(entity), (signal) =>
        connector.query(asked, { signal }),
      );
      const event = { entity, id, version, record: page.rows[0] ?? null };
      const outcome = outcomeOf(run, step, event);
      if (outcome) return { run, step, outcome };
    }
    step.cursor = cursor;
    return null;
  }
}

const changesOf = (entity: string): string => `what has changed of '${entity}'`;

function byTenant(waiting: readonly WaitingStep[]): ReadonlyMap<number, readonly WaitingStep[]> {
  const events = waiting.filter(({ step }) => step.wait === 'event');
  return Map.groupBy(events, ({ run }) => run.facts.tenantId);
}

function outcomeOf(run: Run, step: Step, event: unknown): StepEnd['outcome'] | null {
  try {
    const { match } = eventOf(step);
    if (match && !holds(match, { ...run.scope(step.item), event }, `'${pathOf(step)}'`))
      return null;
    return { kind: 'succeeded', output: event, json: JSON.stringify(event) };
  } catch (error) {
    return { kind: 'failed', error: toErrorData(error) };
  }
}

function eventOf(step: Step) {
  const { for: what } = step.place as CompiledWait;
  return what as Extract<CompiledWait['for'], { readonly kind: 'event' }>;
}
