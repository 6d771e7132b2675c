-- What changed, numbered without gaps in the order of commits. The one row of event_head holds the last number and a
-- seal made of the last event's authentication code: whoever updates it has the next number, and everybody else waits.
CREATE TABLE event_head (
    id BIGINT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    seal TEXT NOT NULL
);
INSERT INTO event_head (id, number, seal) VALUES (1, 0, '');

CREATE TABLE events (
    number BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    details TEXT NOT NULL,
    mac TEXT NOT NULL
);
