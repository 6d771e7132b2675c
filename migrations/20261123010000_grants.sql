-- A principal has a scope at an API if the API had it when the scope was granted: if the number of the grant is not below that
-- of the event by which the API, or the scope of the API, was created.
ALTER TABLE clients ADD COLUMN granted_as_of BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN granted_as_of BIGINT NOT NULL DEFAULT 0;
ALTER TABLE apis ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_scopes ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
