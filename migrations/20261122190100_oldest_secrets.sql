-- What nobody uses is looked for among what is oldest.
CREATE INDEX client_secrets_by_date ON client_secrets (created_at, id);
