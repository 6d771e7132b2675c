-- People look for the client that they made last.
CREATE INDEX clients_by_date ON clients (created_at, id);
