-- What a client gets when it asks for nothing (nothing here: all of its own), which APIs it may ask tokens for, and how
-- long those live (nothing: what the API or the settings say).
ALTER TABLE clients ADD COLUMN default_scopes TEXT;
ALTER TABLE clients ADD COLUMN resources TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN token_ttl BIGINT;
