-- What somebody may do at APIs beside what goes with their role, and which APIs those are beside the default one: as with clients.
ALTER TABLE users ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN resources TEXT NOT NULL DEFAULT '';
