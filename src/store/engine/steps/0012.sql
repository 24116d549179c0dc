-- From version 11 to 12: notes of files tell in which generation they were made.

ALTER TABLE unreferenced_files ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
