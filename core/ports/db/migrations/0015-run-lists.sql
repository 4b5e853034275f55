-- Runs of one workflow, newest first, for the list that people and programs page through. Nothing that changes while a run goes on is in
-- it, so updates of a run stay within their page (HOT).
CREATE INDEX run_workflow ON tutti.run (tenant_id, workflow, id);
