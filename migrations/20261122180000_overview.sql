-- People look for the key that they made last.
CREATE INDEX api_keys_by_date ON api_keys (created_at, id);

-- Most secrets do not end: those that do are looked at by when.
CREATE INDEX client_secrets_by_expiry ON client_secrets (expires_at) WHERE expires_at IS NOT NULL;
