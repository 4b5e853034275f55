import { EngineError } from '../../base/errors.ts';
import { type StopRule, stopped } from '../../guard/stopped.ts';
import { shortName } from '../../sdk/agent-document.ts';
import { ownModule } from '../../sdk/check-module.ts';
import type { Registry } from '../../sdk/registry.ts';

/** What people can stop: every tenant, one tenant, the agents and tools of a module, or one agent. */
export type Reach = 'all' | 'tenant' | `module:${string}` | `agent:${string}`;

/** A stop that stands, as engines look at it. */
export interface Stop {
  /** Of the tenant whose work it stops; of `all` nobody's. */
  readonly tenantId: number;
  /** `suspended`: the tenant is, and until that is over nothing of it runs. */
  readonly reach: Reach | 'suspended';
  /** In the words of who set it. */
  readonly reason: string;
}

/** What somebody wants to do, by everything that a stop may reach it by. */
export interface Subject {
  readonly tenantId: number;
  /** Qualified names: the agent at work, and the one that it stands in for. */
  readonly agents: readonly string[];
  /** Those of the agents, and the one whose tool is called. */
  readonly modules: readonly string[];
}

/** Reads a reach as people write it. @throws INPUT_INVALID naming what there is */
export function readReach(text: string, registry: Pick<Registry, 'agents' | 'modules'>): Reach {
  if (text === 'all' || text === 'tenant') return text;
  const [kind, name = ''] = [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)];
  const agent = registry.agents.get(name);
  if (kind === 'agent' && agent && !agent.isTool) return `agent:${name}`;
  // What people make while Tutti runs is not in this list, and must be stopped all the same.
  if (kind === 'agent' && shortName(name)) return `agent:${name}`;
  const modules = [...registry.modules.map((module) => module.name), ownModule];
  if (kind === 'module' && modules.includes(name)) return `module:${name}`;
  const known =
    kind === 'agent'
      ? 'agents are listed by: tutti modules'
      : `there are all, tenant, ${modules.map((each) => `module:${each}`).join(', ')} and agent:NAME`;
  throw new EngineError('INPUT_INVALID', `'${text.slice(0, 200)}' cannot be stopped; ${known}.`);
}

/** Whether a stop reaches somebody. */
export function reaches({ tenantId, reach }: Stop, subject: Subject): boolean {
  if (reach === 'all') return true;
  if (tenantId !== subject.tenantId) return false;
  if (reach === 'tenant' || reach === 'suspended') return true;
  const [kind, name] = [reach.slice(0, reach.indexOf(':')), reach.slice(reach.indexOf(':') + 1)];
  return (kind === 'agent' ? subject.agents : subject.modules).includes(name);
}

/** What whoever it keeps from something is told. */
export function stopError({ reach, reason }: Stop): EngineError {
  const kind = reach.split(':', 1)[0];
  if (reach === 'suspended')
    return stopped(
      'stop.suspended',
      'The tenant is suspended: nothing of it is written until somebody resumes it: tutti tenant resume',
    );
  const why = reason === '' ? '' : ` (${reason})`;
  return stopped(
    `stop.${kind}` as StopRule,
    `'${reach}' is stopped${why}: nothing is written until somebody lifts it: tutti stop ${reach} --lift`,
  );
}
