-- What was taken back before it expired: single tokens, and all that were issued before an event. The digest is the beginning
-- of SHA-256 of what it is called. Rows are deleted once nothing is left that could be void because of them.
CREATE TABLE revocations (
    kind TEXT NOT NULL,
    digest TEXT NOT NULL,
    -- Of the event by which it was taken back.
    number BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- Who took back a single token.
    client_id TEXT,
    -- What is taken back again has a row for each time, so that whoever reads up to an event finds all that was taken back so far.
    PRIMARY KEY (kind, digest, number)
);
CREATE INDEX revocations_by_number ON revocations (number, kind, digest);
CREATE INDEX revocations_by_expiry ON revocations (expires_at);
CREATE INDEX revocations_by_client ON revocations (client_id, expires_at) WHERE client_id IS NOT NULL;
