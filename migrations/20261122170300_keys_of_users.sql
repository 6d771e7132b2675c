-- A user may own API keys. Whatever deletes the user deletes them.
ALTER TABLE api_keys ADD COLUMN user_id TEXT REFERENCES users (id) ON DELETE CASCADE;
CREATE INDEX api_keys_by_user ON api_keys (user_id, id);
