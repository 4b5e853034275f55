import { admission } from './admission.ts';
import { audit } from './audit.ts';
import { standing } from './authority.ts';
import { calendar } from './calendar.ts';
import { calls } from './calls.ts';
import { webConsole } from './console.ts';
import { course } from './course.ts';
import { delegation } from './delegation.ts';
import { durable } from './durable.ts';
import { duties } from './duties.ts';
import { encryption } from './encryption.ts';
import { hooks } from './hooks.ts';
import { identity } from './identity.ts';
import { machines } from './machines.ts';
import { mcp } from './mcp.ts';
import { modules } from './modules.ts';
import type { Mutant } from './mutant.ts';
import { outside } from './outside.ts';
import { policyMutants } from './policies.ts';
import { reads } from './reads.ts';
import { retries } from './retries.ts';
import { schedules } from './schedules.ts';
import { survival } from './survival.ts';
import { telemetry } from './telemetry.ts';
import { tiers } from './tiers.ts';
import { tools } from './tools.ts';
import { waits } from './waits.ts';
import { webhooks } from './webhooks.ts';

/** The planted bugs: docs/testing.md tells what became of each. */
export const mutants: readonly Mutant[] = [
  ...durable,
  ...waits,
  ...admission,
  ...course,
  ...calls,
  ...delegation,
  ...calendar,
  ...duties,
  ...survival,
  ...machines,
  ...tiers,
  ...standing,
  ...policyMutants,
  ...tools,
  ...reads,
  ...outside,
  ...mcp,
  ...schedules,
  ...identity,
  ...retries,
  ...audit,
  ...hooks,
  ...webhooks,
  ...telemetry,
  ...modules,
  ...encryption,
  ...webConsole,
];
