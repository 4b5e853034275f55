import type { RunStatus } from './states.ts';
import type { Container, Step } from './step.ts';

/** What the engine has to do next for a run. */
export type Next =
  | { readonly kind: 'ready'; readonly step: Step }
  /** A step waits, for a moment or for a person. */
  | { readonly kind: 'wait'; readonly step: Step }
  | { readonly kind: 'expand'; readonly container: Container }
  /** Something outside of the run ends the step: people, a moment, an event, another run. */
  | { readonly kind: 'open'; readonly step: Step }
  /** Its expressions alone have decided a step. */
  | { readonly kind: 'decided'; readonly step: Step }
  | { readonly kind: 'ended'; readonly status: RunStatus };
