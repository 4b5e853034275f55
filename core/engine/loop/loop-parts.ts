import type { Clock } from '../../base/clock.ts';
import type { SpanIds } from '../../base/telemetry/span-ids.ts';
import type { StepFailure } from '../../ports/config.ts';
import type { Dispatcher } from '../../ports/dispatcher.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { EffectQuestions } from '../approvals/effect-questions.ts';
import type { StopBook } from '../authority/stops.ts';
import type { Batching } from '../batches/batches.ts';
import type { Journal } from '../journal/journal.ts';
import type { Limits } from '../limits/limits.ts';
import type { OutsideParts } from '../outside/outside.ts';
import type { Run } from '../run/run.ts';
import type { RunStatus } from '../run/states.ts';
import type { Container } from '../run/step.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import type { Store } from '../store/store.ts';
import type { Measures } from '../telemetry/measures.ts';
import type { Delta } from './attempts.ts';
import type { FailureParts } from './failures.ts';
import type { McpCallParts } from './mcp-calls.ts';
import type { Waiting } from './waiting.ts';

/** What the loop works with. */
export interface LoopParts {
  readonly journal: Journal;
  readonly store: Pick<Store, 'effect' | 'conversation'>;
  readonly scheduler: Scheduler<Waiting>;
  readonly limits: Pick<Limits<Run>, 'breakers' | 'broker' | 'watch' | 'quotas'>;
  readonly dispatcher: Dispatcher;
  /** The sessions with MCP servers. @default none can be reached */
  readonly mcp?: McpCallParts['mcp'];
  readonly registry: Registry;
  readonly clock: Clock;
  /** What people are asked before effects. @default nobody is asked anything */
  readonly questions?: Pick<EffectQuestions, 'of'>;
  /** What people have stopped. @default nothing is ever stopped */
  readonly stops?: StopBook;
  /** Whom and what steps ask that wait for something outside. @default no run has such steps */
  readonly outside?: Pick<
    OutsideParts,
    'pending' | 'approvals' | 'applies' | 'children' | 'handOvers' | 'happenings' | 'momentOf'
  >;
  /** What a foreach runs over. */
  readonly itemsOf: (run: Run, container: Container) => Promise<readonly unknown[]>;
  readonly rulesOf: FailureParts['rulesOf'];
  /** @default no call goes by a batch */
  readonly batching?: Batching;
  /** Told when the failure of a step is durable. */
  readonly onStepFailed?: ((failure: StepFailure) => void) | undefined;
  /** Told what models say, while somebody watches. */
  readonly onDelta?: ((delta: Delta) => void) | undefined;
  /** What the SDK of OpenTelemetry asks for the ids of spans. @default its own */
  readonly spanIds?: SpanIds | undefined;
  /** @default nobody counts */
  readonly measures?: Measures | undefined;
  /** Told when a run's end is durable. */
  readonly onEnd: (run: Run, status: RunStatus) => void;
}
