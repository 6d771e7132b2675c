-- Whether something ever existed, and what became of it.
CREATE INDEX events_subject ON events (subject);
