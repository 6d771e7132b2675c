-- APIs that tokens are made for, each known by its identifier (RFC 8707).
CREATE TABLE apis (
    resource TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    token_alg TEXT,
    token_ttl BIGINT,
    created_at BIGINT NOT NULL
);

-- The scopes of an API, and what each allows.
CREATE TABLE api_scopes (
    resource TEXT NOT NULL REFERENCES apis (resource) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    description TEXT NOT NULL,
    PRIMARY KEY (resource, scope)
);
