-- From version 6 to 7.

-- The addresses that people have signed in from, an IPv6 one as its /64: there, strangers' failures do not delay them.
CREATE TABLE known_places (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    place TEXT NOT NULL CHECK (length(place) <= 64),
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;

INSERT INTO known_places (user_id, place, seen_at)
SELECT user_id, address, max(last_used_at) FROM sessions
WHERE address IS NOT NULL AND address NOT LIKE '%:%' GROUP BY user_id, address;
