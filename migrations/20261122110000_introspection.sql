-- Whose tokens a client may introspect beside its own: those for these APIs (nothing: none). And what the answers are
-- signed with (nothing: RS256).
ALTER TABLE clients ADD COLUMN stands_for TEXT;
ALTER TABLE clients ADD COLUMN introspection_alg TEXT;

-- Whoever makes or deletes an API asks who stands for it: not by a look at a million clients.
CREATE INDEX clients_standing_for ON clients (id) WHERE stands_for IS NOT NULL;
