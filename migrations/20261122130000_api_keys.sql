-- API keys: credentials that are sent with every request. The key itself is nowhere: it is found by its digest.
CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    -- Whose it is. An owner of another kind gets a column of its own beside this one. Whatever deletes the owner, also a node of the
    -- release before, deletes the keys.
    client_id TEXT REFERENCES clients (id) ON DELETE CASCADE,
    environment TEXT NOT NULL,
    digest TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL,
    -- Ranges in CIDR notation with commas between; empty for everywhere.
    allowed_addresses TEXT NOT NULL,
    max_per_minute BIGINT,
    -- The key that was made to take its place.
    successor TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    disabled_at BIGINT
);
CREATE INDEX api_keys_by_client ON api_keys (client_id, id);
CREATE INDEX api_keys_by_expiry ON api_keys (expires_at);

-- What became of the requests with a key in an hour (in hours since the epoch), as client_usage has it for clients.
CREATE TABLE api_key_usage (
    key_id TEXT NOT NULL,
    hour BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (key_id, hour, outcome)
);
CREATE INDEX api_key_usage_by_hour ON api_key_usage (hour);

-- When each key was last good for something, and from where. Apart from the keys, so that counting and changing them never wait for
-- each other.
CREATE TABLE api_key_last_use (
    key_id TEXT NOT NULL PRIMARY KEY,
    used_at BIGINT NOT NULL,
    address TEXT
);

-- What was made by requests that may be sent again (`Idempotency-Key`), for as long as they may.
CREATE TABLE idempotency_keys (
    caller TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_digest TEXT NOT NULL,
    subject TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (caller, idempotency_key)
);
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);
