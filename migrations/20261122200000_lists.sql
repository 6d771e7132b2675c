-- People look for the client that they made last.
CREATE INDEX clients_by_date ON clients (created_at, id);

-- Few keys are ever found in public, and those are shown first.
CREATE INDEX api_keys_by_leak ON api_keys (leaked_at) WHERE leaked_at IS NOT NULL;
