-- Runs that go on where another one failed: the run whose failed steps this one does again. A run is retried once at most, so retries are a chain.
ALTER TABLE tutti.run ADD retry_of uuid;
CREATE UNIQUE INDEX run_retry ON tutti.run (tenant_id, retry_of) WHERE retry_of IS NOT NULL;
