import type { EngineError, ErrorData } from '../../../core/base/errors.ts';
import type { Change } from '../../../core/engine/journal/rows.ts';
import type { StepFailure } from '../../../core/ports/config.ts';
import type { Job } from '../../../core/ports/dispatcher.ts';
import type { Registry } from '../../../core/sdk/registry.ts';
import type { SimDatabase } from './database.ts';
import type { Setup } from './life.ts';
import type { MortalClock } from './mortal-clock.ts';
import type { Outside } from './outside.ts';
import type { RuleBook } from './rules.ts';
import type { Statements } from './statements.ts';
import type { SimStore } from './store.ts';
import type { SimThread } from './thread.ts';

/** Hears what an engine does when it does it; what it says is checked elsewhere. */
export interface EngineWatch<Engine> {
  /** A change is handed to the journal, not yet durable. */
  changed(engine: Engine, change: Change): void;
  /** A job leaves for its thread. */
  launched(engine: Engine, job: Job): void;
  /** A call has left. */
  sent(engine: Engine, job: Job): void;
  /** A job has asked for a call; by now it may have got it, or been denied it. */
  asked(engine: Engine, thread: SimThread): void;
  /** A job is told that the call that it asks for is not made. */
  denied(engine: Engine, thread: SimThread, error: ErrorData): void;
  /** A job is told to end, because its time is over. */
  timedOut(engine: Engine, thread: SimThread): void;
  committed(engine: Engine, changes: readonly Change[]): void;
  /** The installation is told of a step that has failed for good. */
  stepFailed(failure: StepFailure): void;
  /** The database refused rows: never in this world. */
  rejected(engine: Engine, change: Change, error: EngineError): void;
  /** Its journal has given up. */
  failed(engine: Engine, error: EngineError): void;
}

/** What an engine of the world is put into. */
export interface EngineWorld<Engine> {
  readonly database: SimDatabase;
  readonly store: SimStore;
  readonly statements: Statements;
  readonly registry: Registry;
  readonly outside: Outside;
  readonly setup: Setup;
  readonly watch: EngineWatch<Engine>;
  readonly clock: MortalClock;
  readonly boot: string;
  readonly wallet: Wallet;
  readonly rules: RuleBook;
}

/** What a day's purse holds, which people raise while engines live. */
export interface Wallet {
  dailyMicroUsd: number;
  /** Raised with every change. */
  version: number;
}
