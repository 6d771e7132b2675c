-- How many tokens a client may get in an hour; nothing: as many as it asks for.
ALTER TABLE clients ADD COLUMN max_tokens_per_hour BIGINT;
