import { defineAgent, defineTool, z } from 'tutti';
import { EngineError, toErrorData } from '../../core/base/errors.ts';
import type { StepScope } from '../../core/guard/invoke.ts';
import { Prompt } from '../../core/guard/prompt.ts';
import type { FromThread, Job, TurnDone } from '../../core/ports/dispatcher.ts';
import type { AnyAgent } from '../../core/sdk/agent.ts';
import { Conversation } from '../../worker/thread/conversation.ts';
import { paceOf } from '../../worker/thread/pace.ts';
import { runRehearsal } from '../../worker/thread/rehearsal.ts';
import type { RehearsalContext } from '../../worker/thread/simulated-conversation.ts';
import { aScope, hold } from '../guard/lab.ts';
import { FakeClock } from '../support/fixtures/clock.ts';

/** A read that notes its calls by the order of their beginnings; it fails for the crate that is lost, and takes some ticks for a slow one. */
export function looking() {
  const seen: string[] = [];
  const look = defineTool({
    name: 'lab.crate.look',
    description: 'Looks at a crate.',
    effect: 'read',
    parameters: z.object({ crate: z.string() }),
    result: z.object({ seen: z.string() }),
  }).handler(async ({ crate }) => {
    seen.push(crate);
    if (crate === 'slow') for (let ticks = 0; ticks < 20; ticks += 1) await tick();
    if (crate === 'lost') throw new EngineError('RECORD_UNKNOWN', `There is no crate '${crate}'.`);
    return { seen: `crate ${crate} "as it is"` };
  });
  return { look, seen };
}

type Look = ReturnType<typeof looking>['look'];

/** A playbook of the looker. */
export type Book = Parameters<ReturnType<typeof declare>['playbook']>[0];

/** An agent that looks and holds, by this playbook. */
export function aLooker(
  look: Look,
  playbook: Book | null,
  options: { readonly onBudget?: 'fail'; readonly turns?: number } = {},
): AnyAgent {
  const agent = declare(look, options);
  return playbook ? agent.playbook(playbook) : agent;
}

function declare(
  look: Look,
  {
    onBudget = 'playbook',
    turns = 8,
  }: { readonly onBudget?: 'fail' | 'playbook'; readonly turns?: number },
) {
  return defineAgent({
    name: 'looker',
    purpose: 'Looks.',
    // As long as a prompt must be for its beginning to be cached.
    instructions: 'Look at every crate. '.repeat(200),
    input: z.object({ round: z.int() }),
    output: z.object({ seen: z.int() }),
    model: 'fast',
    onBudget,
    limits: { turns },
    tools: { look, hold },
    findings: { 'crate.wet': 'A crate is wet.' },
  });
}

/** What a rehearsal is held under. */
export interface Stage {
  /** @default 'rehearsal' */
  readonly mode?: Job['mode'];
  /** @default { round: 1 } */
  readonly input?: unknown;
  readonly permitted?: boolean;
  /** Denies the permit of this number, from 0. */
  readonly deny?: (index: number) => EngineError | null;
  /** The place in the chain where the permit of this number leads, from 0. @default the first */
  readonly target?: (index: number) => number;
  /** Each turn takes its time by this clock. @default none takes any */
  readonly clock?: FakeClock;
  readonly scope?: Partial<StepScope>;
  /** Hears that its code goes on. @default nobody does */
  readonly mark?: () => void;
}

/** A step on a thread, as the engine hears it. */
export class StagedStep {
  readonly told: FromThread[] = [];
  readonly talk: Conversation;
  readonly context: RehearsalContext;
  readonly findings: unknown[] = [];

  constructor(agent: AnyAgent, stage: Stage = {}) {
    const { mode = 'rehearsal', input = { round: 1 }, permitted = false, clock } = stage;
    const job = { ...plainJob, mode, input, permitted, simulate: { latency: clock !== undefined } };
    let permits = 0;
    const post = (message: FromThread): void => {
      this.told.push(message);
      if (message.kind !== 'permit') return;
      const index = permits++;
      const error = stage.deny?.(index) ?? null;
      const { ref } = message;
      this.talk.hear(
        error
          ? { kind: 'denied', ref, error: toErrorData(error) }
          : { kind: 'granted', ref, target: stage.target?.(index) ?? 0 },
      );
    };
    const { mark = () => {} } = stage;
    this.talk = new Conversation(job, post, { mark });
    const scope = {
      ...aScope([], { rehearsal: mode === 'rehearsal' }).scope,
      agent,
      agentName: `lab.${agent.name}`,
      ...stage.scope,
      recorder: this.talk,
      signal: this.talk.signal,
    };
    this.context = {
      scope,
      talk: this.talk,
      prompt: new Prompt(agent),
      isWatched: () => false,
      targets: ['scripted', 'second'].map((model) => ({ provider: 'scripted', model })),
      pace: paceOf(clock ?? new FakeClock()),
    };
  }

  rehearse(): ReturnType<typeof runRehearsal> {
    return runRehearsal(this.context, (finding) => this.findings.push(finding));
  }

  get turns(): readonly TurnDone[] {
    return this.told.flatMap((each) => (each.kind === 'turn' ? [each.done] : []));
  }

  /** Bytes of each permit that was asked for. */
  get permits(): readonly number[] {
    return this.told.flatMap((each) => (each.kind === 'permit' ? [each.bytes] : []));
  }

  entries(kind: string): readonly Readonly<Record<string, unknown>>[] {
    return this.told.flatMap((each) =>
      each.kind === 'entry' && each.entry.kind === kind ? [each.entry.data] : [],
    );
  }
}

const plainJob: Omit<Job, 'mode' | 'input' | 'permitted'> = {
  ref: 1,
  tenantId: 1,
  runId: '01990000-0000-7000-8000-000000000001',
  journal: 2,
  stepPath: 'look',
  attempt: 1,
  agent: 'lab.looker',
  company: 'DE01',
  businessDate: '2026-06-30',
  attended: false,
  alone: false,
  recorded: [],
};

/** Lets everything go on that can. */
export function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
