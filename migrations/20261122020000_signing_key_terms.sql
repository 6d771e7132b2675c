-- When a key signs: keys of one algorithm follow one another, and the last has no end yet. A key from before may have
-- signed tokens of the longest life that can be set.
ALTER TABLE signing_keys ADD COLUMN signs_from BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN signs_until BIGINT;
ALTER TABLE signing_keys ADD COLUMN longest_ttl BIGINT NOT NULL DEFAULT 2592000000;
ALTER TABLE signing_keys ADD COLUMN taken_back_at BIGINT;

UPDATE signing_keys SET signs_from = created_at;

-- Of two nodes that rotate at once the second fails here.
CREATE UNIQUE INDEX signing_keys_last ON signing_keys (alg) WHERE signs_until IS NULL;
