-- Where the lists that a run went through item by item are written down: whoever looks at one of its steps reads no other entry for that.
CREATE INDEX entry_expanded ON tutti.entry (tenant_id, run_id, step, seq) WHERE kind = 'foreach.expanded';
