-- When each secret was last used from each address: the latest few of them, so that whoever rotates a secret sees which machines
-- have yet to be changed. The address is empty where the server was not told one. The very last use of a secret is in secret_usage
-- too, which outlives what stands here, and is all that nodes of the release before write.
CREATE TABLE secret_addresses (
    secret_id TEXT NOT NULL,
    address TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (secret_id, address)
);
