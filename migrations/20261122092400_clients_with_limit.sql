-- Nodes ask every few seconds what the clients with a limit have had: not by a look at all that had a token.
CREATE INDEX clients_with_limit ON clients (id) WHERE max_tokens_per_hour IS NOT NULL;
