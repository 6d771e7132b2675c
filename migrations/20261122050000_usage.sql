-- What became of the requests of a client in an hour (in hours since the epoch): tokens, and refusals by reason. Nodes add to
-- these every few seconds. No reference to clients: what was counted outlives them for a while.
CREATE TABLE client_usage (
    client_id TEXT NOT NULL,
    hour BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (client_id, hour, outcome)
);
CREATE INDEX client_usage_by_hour ON client_usage (hour, client_id);

-- When each secret was last good for something, and from where it came. Apart from the secrets, so that counting and
-- changing them never wait for each other.
CREATE TABLE secret_usage (
    secret_id TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    address TEXT
);
CREATE INDEX secret_usage_by_client ON secret_usage (client_id);
