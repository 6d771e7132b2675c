-- What somebody did is looked for on the pages about them.
CREATE INDEX events_actor ON events (actor, number);
