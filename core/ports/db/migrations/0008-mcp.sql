-- Tools of MCP servers: the definitions that may be called. A definition that differs from the newest row of its tool is refused.

-- One row each time a definition is pinned: at first sight, or because somebody accepted a changed one. Rows are never changed.
CREATE TABLE tutti.mcp_tool (
  -- 0: servers belong to the installation, whose configuration names them and holds their credentials.
  tenant_id int,
  server text,
  tool text,
  no int,
  -- SHA-256 over what callers rely on: description, schemas, annotations.
  digest bytea NOT NULL,
  -- Canonical JSON, as text: it is a stranger's, and may hold what jsonb cannot.
  definition text NOT NULL,
  -- Null: pinned at first sight.
  accepted_by jsonb,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, server, tool, no)
);
SELECT tutti.protect('tutti.mcp_tool');
GRANT SELECT, INSERT ON tutti.mcp_tool TO tutti_engine;
GRANT SELECT ON tutti.mcp_tool TO tutti_tenant;
