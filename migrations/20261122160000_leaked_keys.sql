-- Since when a key is known to be public: somebody has found it where everybody can read. It stays good unless the settings say
-- otherwise.
ALTER TABLE api_keys ADD COLUMN leaked_at BIGINT;
