import type { ErrorData } from '../../core/base/errors.ts';
import type { DeclaredModules, FromThread, ToThread } from '../../core/ports/dispatcher.ts';
import type { Greeting } from './ground.ts';

/*
 * What goes between an engine and a machine: the messages of a lane in a process, which it is over there, and around them how both find
 * each other and how long the engine's word holds.
 */

/** What a machine is told. */
export type ToMachine =
  /** They fit together. */
  | { readonly kind: 'welcome' }
  /** They do not, and the connection ends. */
  | { readonly kind: 'refused'; readonly error: ErrorData }
  /** Begins a process, in place of the one before; `start` counts them. Everything that is the machine's own it has itself. */
  | {
      readonly kind: 'start';
      readonly start: number;
      readonly declared: DeclaredModules;
      readonly heapMb?: number | undefined;
    }
  /** Answers a `ping`. Moments of the engine's clock: when it answered, and until when the lane may write outside. */
  | {
      readonly kind: 'pong';
      readonly askedNs: bigint;
      readonly saidNs: bigint;
      readonly untilNs: bigint;
    }
  /** The process is to be ended, and that told. */
  | { readonly kind: 'end' }
  /** As a process of this machine is told. */
  | { readonly kind: 'messages'; readonly batch: readonly ToThread[] };

/** What a machine tells. */
export type FromMachine =
  | Greeting
  /** `askedNs`: its own clock. */
  | { readonly kind: 'ping'; readonly askedNs: bigint }
  /** It takes no more jobs. */
  | { readonly kind: 'leaving' }
  /** Nothing of the lane runs any more. */
  | { readonly kind: 'ended' }
  /** As a process of this machine tells: the one that `start` began. */
  | { readonly kind: 'ready'; readonly start: number }
  | { readonly kind: 'messages'; readonly batch: readonly FromThread[] }
  | {
      readonly kind: 'lost';
      readonly start: number;
      readonly reason: string;
      readonly current: number;
    };

/** How often a machine asks whether its engine's word still holds, ms. */
export const pingEveryMs = 1_000;
/** How long an engine's word holds for a lane, ms, unless the engine's own lease ends before. */
export const wordMs = 10_000;
/** Who has said nothing for so long is given up, ms. */
export const longestSilenceMs = 10_000;
/** How long the beginning of a connection may take, ms. */
export const greetingMs = 10_000;
