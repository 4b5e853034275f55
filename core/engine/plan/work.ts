import type { Broker } from '../limits/broker.ts';
import type { ExpectedAttempt } from '../schedule/durations.ts';
import type { Learned } from './learned.ts';
import type { PlannedWork } from './tasks.ts';
import type { PlannedCall, Visit } from './visit.ts';
import type { Walked } from './walk.ts';

/** What the work of a plan is made with. */
export interface WorkParts {
  readonly learned: Learned;
  readonly modelOf: (visit: Visit) => string;
  readonly broker: Broker;
}

/** About the bytes of a token, to bound the calls of agents that could not be walked. */
const bytesPerToken = 3.5;

/** The calls of every step: as walked or, of an agent without a playbook, as it has made them before or as is taken for granted. */
export function workOf({ visits }: Walked, parts: WorkParts): readonly PlannedWork[] {
  return visits.map((visit) => ({
    visit,
    calls: visit.registered.agent.procedure ? visit.calls : guessedCalls(visit, parts),
  }));
}

function guessedCalls(visit: Visit, { learned, modelOf, broker }: WorkParts): PlannedCall[] {
  const { name, module, agent } = visit.registered;
  const model = modelOf(visit);
  const wish = { profile: agent.model ?? ('standard' as const), scopes: [], period: '' };
  return learned.durations
    .expected(name, 'model')
    .turns.map((turn: ExpectedAttempt['turns'][0]) => {
      const bytes = Math.ceil(turn.input * bytesPerToken);
      const usage = { ...turn, cachedInput: 0, cacheWrite: 0, reasoning: 0 };
      const grant = broker.grant({ ...wish, bytes, tenantId: 0, module, simulated: true });
      const { bound, boundMicroUsd } = grant;
      const { costMicroUsd } = broker.settle(grant, { usage, sent: true });
      return { model, bytes, usage, ms: turn.ms, bound, boundMicroUsd, costMicroUsd };
    });
}
