-- Whoever may take the last administrator away updates the one row first: of two who take away one each, the second sees the first.
CREATE TABLE administrators_turn (
    id BIGINT NOT NULL PRIMARY KEY
);
INSERT INTO administrators_turn (id) VALUES (1);
