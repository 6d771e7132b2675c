-- What the authenticator apps of people have too, sealed.
CREATE TABLE second_factors (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sealed_secret TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Null until a first code has shown that an app has it.
    confirmed_at BIGINT,
    -- The step (30 s since the epoch) of the last code that was good: none is good twice.
    last_step BIGINT NOT NULL
);

-- Codes for those who have lost their app, each good once. The codes themselves are nowhere.
CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest TEXT NOT NULL,
    PRIMARY KEY (user_id, digest)
);
