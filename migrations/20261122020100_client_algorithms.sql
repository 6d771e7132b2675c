-- What a client's tokens are signed with; nothing: what the settings say.
ALTER TABLE clients ADD COLUMN token_alg TEXT;
