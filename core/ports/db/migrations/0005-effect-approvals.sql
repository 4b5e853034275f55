-- Approvals of effects: a question about exactly one proposal, used up by the flush that begins what was granted.

-- The proposal that people are shown and agree to: the payload of this entry. One that takes its place has another.
ALTER TABLE tutti.approval ADD COLUMN effect_run uuid;
ALTER TABLE tutti.approval ADD COLUMN effect_seq bigint;
-- Whether a step waits for the answer and goes on by itself; else a run of its own carries out what is granted.
ALTER TABLE tutti.approval ADD COLUMN waits boolean NOT NULL DEFAULT true;
-- That run, once it is submitted.
ALTER TABLE tutti.approval ADD COLUMN apply_run uuid;
-- The entry that used it up, '<run> <seq>': of two that want to, one did.
ALTER TABLE tutti.approval ADD COLUMN used_by text;

-- Never two questions about one effect that may still let it happen.
CREATE UNIQUE INDEX approval_effect_live ON tutti.approval (tenant_id, effect_key)
  WHERE effect_key IS NOT NULL AND state IN ('open', 'granted');
-- What has become of an effect's questions, the newest last.
CREATE INDEX approval_effect ON tutti.approval (tenant_id, effect_key, id) WHERE effect_key IS NOT NULL;
-- Once a second: what is granted and waits to be carried out, or for its end.
CREATE INDEX approval_granted ON tutti.approval (expires_at) WHERE state = 'granted' AND effect_key IS NOT NULL;
