-- An agent hands work to another one as to a tool: the attempt that did has ended for that, and its step waits for the runs.
ALTER TABLE tutti.attempt DROP CONSTRAINT attempt_outcome_check,
  ADD CONSTRAINT attempt_outcome_check CHECK (outcome IN
    ('succeeded', 'failed', 'timed_out', 'cancelled', 'crashed', 'lost', 'batched', 'delegated'));
