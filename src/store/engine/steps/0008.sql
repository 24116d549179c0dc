-- The addresses that refresh tokens came from, apart from the one that began the session.
ALTER TABLE sessions ADD COLUMN places TEXT NOT NULL DEFAULT '' CHECK (length(places) <= 2048);
