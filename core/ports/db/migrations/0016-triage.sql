-- What people say of findings: a word for those that are none of anybody's business, and who said it, when and why.
ALTER TABLE tutti.triage DROP CONSTRAINT triage_state_check;
ALTER TABLE tutti.triage
  ADD CONSTRAINT triage_state_check CHECK (state IN ('open', 'accepted', 'resolved', 'ignored')),
  -- Of the last word; null: nobody has said anything yet.
  ADD COLUMN note text,
  ADD COLUMN actor jsonb,
  ADD COLUMN at timestamptz;

-- One finding over all runs that have found it, newest first.
CREATE INDEX finding_fingerprint ON tutti.finding (tenant_id, fingerprint, run_id);
