-- Trust: what is known of addresses, of what clients may reach, and of the audit's order.

-- Wrong codes of second factors are counted for each person.
CREATE TABLE wrong_codes (
    user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    count INTEGER NOT NULL CHECK (count > 0),
    last_at INTEGER NOT NULL
) STRICT;

-- A service key has no role in the account. An administrator's is left only to the bots of clients, to which the operator
-- gave it.
UPDATE users SET role = 'member'
WHERE kind = 'bot' AND id NOT IN (SELECT service_user_id FROM clients WHERE service_user_id IS NOT NULL);
