import type { Clock } from '../../base/clock.ts';
import type { Config } from '../../ports/config.ts';
import type { Profiles } from '../../ports/models/profiles.ts';
import { Breakers } from '../limits/breaker.ts';
import { Broker } from '../limits/broker.ts';
import { type LimitConfig, limitsOf } from '../limits/gate-limits.ts';
import { Permits } from '../limits/permits.ts';
import { Tier } from '../limits/tier.ts';
import type { Tiers } from '../limits/tiers.ts';
import { needsModel } from '../loop/refused-call.ts';
import { pathOf } from '../run/step.ts';
import { BrokerGates, type Caller, ForecastClock } from '../schedule/broker-gates.ts';
import type { Forecast } from '../schedule/expected-work.ts';
import { forecast } from '../schedule/forecast.ts';
import { runningLimits } from '../schedule/running-limits.ts';
import { type PlannedWork, type TaskParts, tasksOf } from './tasks.ts';

const hourMs = 3_600_000;
const nobody: Caller = { wish: null, usesErp: false, goesOn: true };

/** Foresees when a planned run would end that has an engine, its limits and its models to itself. */
export function foresee(
  { work, ...parts }: Omit<TaskParts, 'work'> & { readonly work: readonly PlannedWork[] },
  { config, profiles }: { readonly config: Config; readonly profiles: Profiles },
): Forecast {
  const { run } = parts;
  const tasks = tasksOf({ ...parts, work: new Map(work.map((each) => [each.visit.step, each])) });
  const clock = new ForecastClock({ now: () => 0, monotonic: () => 0 });
  const breakers = new Breakers({ clock, limits: () => ({}) });
  const prices = config.prices ?? {};
  const permits = unusedPermits(config, clock);
  const broker = new Broker({
    ...{ profiles, limits: config, prices, clock, breakers, permits },
    foresees: true,
  });
  const { tenantId, id } = run.facts;
  const callers = new Map(
    work.map(({ visit: { step, registered } }): [string, Caller] => {
      const { module, agent } = registered;
      // Money is not asked for: whoever has too little was denied in the walk.
      const money = { scopes: [], period: '' };
      const wish = { profile: agent.model ?? ('standard' as const), tenantId, module, ...money };
      return [pathOf(step), { wish, usesErp: false, goesOn: !needsModel(registered) }];
    }),
  );
  return forecast({
    now: 0,
    tasks,
    limits: runningLimits(config.limits),
    runLimits: new Map([[id, run.graph.concurrency]]),
    gates: new BrokerGates({
      broker,
      breakers,
      clock,
      callerOf: (task) => callers.get(task.id) ?? nobody,
    }),
  });
}

/** Gates with the configured limits and nothing used of them, of an engine that is alone; hours and days begin with their first call. */
function unusedPermits(limits: LimitConfig, clock: Pick<Clock, 'monotonic'>): Permits {
  const tier = (limit: number | undefined, spanMs: number): Tier | null =>
    limit === undefined
      ? null
      : new Tier({ limiter: null, key: '', limit, spanMs, clock, onCredit: () => {} });
  const of: Tiers['of'] = (_, { requestsPerHour, requestsPerDay }) => ({
    hour: tier(requestsPerHour, hourMs),
    day: tier(requestsPerDay, 24 * hourMs),
  });
  return new Permits({ limitsOf: limitsOf(limits), tiers: { of }, random: () => 0.5 });
}
