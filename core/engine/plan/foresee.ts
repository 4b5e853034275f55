import type { Config } from '../../ports/config.ts';
import type { Profiles } from '../../ports/models/profiles.ts';
import type { ModelProfile } from '../../sdk/agent.ts';
import { Broker } from '../limits/broker.ts';
import { pathOf } from '../run/step.ts';
import type { Forecast, ForecastStart, ForecastTask } from '../schedule/expected-work.ts';
import { forecast } from '../schedule/forecast.ts';
import { runningLimits } from '../schedule/running-limits.ts';
import { ForecastClock, PlanGates, planPermits } from './gates.ts';
import { type PlannedWork, type TaskParts, tasksOf } from './tasks.ts';

/** Foresees when a planned run would end that has an engine, its limits and its models to itself. */
export function foresee(
  { work, ...parts }: Omit<TaskParts, 'work'> & { readonly work: readonly PlannedWork[] },
  { config, profiles }: { readonly config: Config; readonly profiles: Profiles },
): Forecast {
  const { run } = parts;
  const tasks = tasksOf({ ...parts, work: new Map(work.map((each) => [each.visit.step, each])) });
  const clock = new ForecastClock();
  const broker = new Broker({
    profiles,
    limits: config,
    prices: config.prices ?? {},
    clock,
    permits: planPermits(config, clock),
  });
  const profileOf = new Map<ForecastTask['id'], ModelProfile>(
    work.map(({ visit }) => [pathOf(visit.step), visit.registered.agent.model ?? 'standard']),
  );
  const { tenantId, id } = run.facts;
  const wishOf = ({ task }: ForecastStart) => ({
    profile: profileOf.get(task.id) ?? ('standard' as const),
    scopes: [],
    period: '',
    tenantId,
    module: task.module,
  });
  return forecast({
    now: 0,
    tasks,
    limits: runningLimits(config.limits),
    runLimits: new Map([[id, run.graph.concurrency]]),
    gates: new PlanGates(broker, clock, wishOf),
  });
}
