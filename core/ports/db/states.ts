/*
 * The words of every state column, as its CHECK in the migrations has them; a test compares the two.
 */

/** Words of `engine.state`. */
export type EngineState = 'alive' | 'draining' | 'gone';
/** Words of `definition.kind`. */
export type DefinitionKind = 'workflow' | 'agent' | 'tool' | 'policy' | 'prices';
/** Words of `publication.how`, and so of `publication_ask.how`. */
export type PublicationKind = 'published' | 'rolled_back' | 'released';
/** Words of `run.status`. */
export type RunStatus =
  | 'queued'
  | 'running'
  | 'waiting'
  | 'paused'
  | 'succeeded'
  | 'partial'
  | 'failed'
  | 'cancelled';
/** Words of `step.status`. */
export type StepStatus =
  | 'pending'
  | 'ready'
  | 'running'
  | 'waiting'
  | 'succeeded'
  | 'skipped'
  | 'failed'
  | 'cancelled';
/** Words of `step.wait`: what a waiting step waits for. */
export type StepWait =
  | 'approval'
  | 'timer'
  | 'event'
  | 'budget'
  | 'version'
  | 'review'
  | 'batch'
  /** Another run, which the step started. */
  | 'child';
/** Words of `step.trust`: the least trusted source that a step's output rests on. */
export type Trust = 'system' | 'operator' | 'erp' | 'external';
/** Words of `attempt.outcome`. */
export type AttemptOutcome =
  | 'succeeded'
  | 'failed'
  | 'timed_out'
  | 'cancelled'
  | 'crashed'
  | 'lost'
  /** Its next model call went to a provider's batch; the next attempt goes on from the answer. */
  | 'batched'
  /** It has handed work to other agents; the next attempt goes on from what they answer. */
  | 'delegated';
/** Words of `effect.state`. */
export type EffectState =
  | 'proposed'
  | 'approved'
  | 'started'
  | 'applied'
  | 'replayed'
  | 'rejected'
  | 'conflict'
  | 'uncertain'
  | 'needs_review'
  | 'undone'
  | 'refused';
/** Words of `effect_document.part`: what a document is to an effect. */
export type DocumentPart = 'related' | 'made';
/** Words of `approval.state`. */
export type ApprovalState = 'open' | 'granted' | 'refused' | 'expired' | 'withdrawn' | 'consumed';
/** Words of `ledger.state`. */
export type LedgerState = 'reserved' | 'settled' | 'estimated' | 'released';
/** Words of `triage.state`. */
export type TriageState = 'open' | 'accepted' | 'resolved' | 'ignored';
/** Words of `hook_firing.state`. */
export type FiringState =
  | 'pending'
  | 'waiting'
  | 'claimed'
  | 'starting'
  | 'started'
  | 'skipped'
  | 'merged'
  | 'dead';
/** Words of `schedule_slot.state`. */
export type SlotState = 'due' | 'queued' | 'fired' | 'ended' | 'skipped' | 'failed';
/** Words of `schedule_slot.origin`: the clock, a person by hand, or a backfill. */
export type SlotOrigin = 'schedule' | 'trigger' | 'backfill';
/** Words of `backfill.reprocess`: which slots that have had a run get another: none, those whose last one failed or was cancelled, or all whose last one has ended. */
export type Reprocess = 'none' | 'failed' | 'completed';
/** Words of `backfill.run_order`. */
export type BackfillOrder = 'forwards' | 'backwards';
/** Words of `backfill.state`. */
export type BackfillState = 'running' | 'ended' | 'cancelled';
/** Words of `delivery.state`. */
export type DeliveryState = 'pending' | 'delivered' | 'failed';
/** Words of `webhook.disabled_by`: a person, an endpoint that said that it is gone, or one that nobody reached for a whole schedule. */
export type WebhookEnd = 'person' | 'gone' | 'unreachable';
/** Words of `message.way`. */
export type MessageWay = 'mail' | 'slack';
/** Words of `message.state`. */
export type MessageState = 'pending' | 'sent' | 'failed';
