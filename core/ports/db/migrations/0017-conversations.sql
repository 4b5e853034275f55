-- What a step has said to its model and heard of it, by step: of a run of very many steps, each of those that go on after a crash would
-- otherwise read the whole journal.
CREATE INDEX entry_said ON tutti.entry (tenant_id, run_id, step, seq)
  WHERE kind IN ('step.started', 'step.waiting', 'turn.ended', 'turn.answered');
