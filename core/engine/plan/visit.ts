import type { ErrorData } from '../../base/errors.ts';
import type { EntryDraft, TurnDone } from '../../ports/dispatcher.ts';
import type { Usage } from '../../ports/models/model.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import type { Grant } from '../limits/broker.ts';
import type { Demand } from '../limits/gate-line.ts';
import type { Step } from '../run/step.ts';

/** One model call that a step would make. */
export interface PlannedCall {
  readonly model: string;
  /** UTF-8 bytes of the request. */
  readonly bytes: number;
  readonly usage: Usage;
  /** How long it would take. */
  readonly ms: number;
  /** What it may use at most. */
  readonly bound: Demand;
  readonly boundMicroUsd: number;
  /** What it would cost. */
  readonly costMicroUsd: number;
}

/** A call that waits for a purse or is under way. */
interface OpenCall {
  readonly bytes: number;
  readonly grant: Grant | null;
}

/** An agent's step on its way through a plan: what it would do, as its thread tells. */
export class Visit {
  readonly step: Step;
  readonly registered: RegisteredAgent;
  /** Digest of its input, hex. */
  readonly input: string;
  readonly calls: PlannedCall[] = [];
  /** Effects that it would have: `tool key`. */
  readonly writes = new Set<string>();
  /** The purse that denied one of its calls. */
  deniedBy: string | null = null;
  /** Why it could not be walked to its end. */
  error: ErrorData | null = null;
  open: OpenCall | null = null;

  constructor(of: Pick<Visit, 'step' | 'registered' | 'input'>) {
    this.step = of.step;
    this.registered = of.registered;
    this.input = of.input;
  }

  /** Forgets what a thread that died had told. */
  restart(): void {
    this.calls.length = 0;
    this.writes.clear();
    this.open = null;
  }

  note({ kind, data }: EntryDraft): void {
    if (kind === 'effect.observed') this.writes.add(`${data.tool} ${data.key}`);
  }

  /** The call under way has ended. */
  called({ model, usage, durationMs }: TurnDone, costMicroUsd: number): void {
    const { grant, bytes } = this.open as OpenCall;
    this.open = null;
    if (!grant || !usage) return;
    const { bound, boundMicroUsd } = grant;
    const made = { model, bytes, usage, ms: durationMs, bound, boundMicroUsd, costMicroUsd };
    this.calls.push(made);
  }
}
