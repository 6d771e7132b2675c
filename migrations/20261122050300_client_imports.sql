-- Imports that are taken whole or not at all. As long as one stands here, nobody sees the clients that it staged.
CREATE TABLE client_imports (
    id TEXT NOT NULL PRIMARY KEY,
    actor TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    -- How many clients it has staged; -1 when it was given up.
    staged BIGINT NOT NULL,
    -- Grows while the process of the import lives.
    beats BIGINT NOT NULL
);
ALTER TABLE clients ADD COLUMN import_id TEXT;
CREATE INDEX clients_by_import ON clients (import_id) WHERE import_id IS NOT NULL;

-- The longest life of a token is asked for when a key is made: not by a look at a million clients.
CREATE INDEX clients_token_ttl ON clients (token_ttl) WHERE token_ttl IS NOT NULL;
