-- Fills every table of a database with rows, and lets the planner believe that there are a thousand times as many. The
-- rows keep no rules; only their numbers matter: each value is in few rows, and words are as frequent as one another.

SET search_path = atelier;
SET session_replication_role = replica;

DO $$
DECLARE
    t record;
    c record;
    names text;
    vals text;
    words text[];
BEGIN
    FOR t IN SELECT oid, relname FROM pg_class WHERE relnamespace = 'atelier'::regnamespace AND relkind = 'r' LOOP
        names := '';
        vals := '';
        FOR c IN SELECT attnum, attname, atttypid, attnotnull FROM pg_attribute
                 WHERE attrelid = t.oid AND attnum > 0 AND attgenerated = '' ORDER BY attnum LOOP
            -- The words that a check of the column allows.
            SELECT array_agg(coalesce(m.words[1], m.words[2])) INTO words
            FROM pg_constraint k
            CROSS JOIN regexp_matches(pg_get_constraintdef(k.oid), '(?:''(\w+)''::text|\((\d)\)::bigint)', 'g') m (words)
            WHERE k.conrelid = t.oid AND k.contype = 'c' AND k.conkey = ARRAY[c.attnum]
                AND pg_get_constraintdef(k.oid) LIKE '%ARRAY[%';
            names := names || ', ' || quote_ident(c.attname);
            vals := vals || ', ' || CASE WHEN c.attnotnull THEN '' ELSE 'CASE WHEN i % 2 = 0 THEN ' END
                || CASE WHEN words IS NOT NULL THEN
                            format('(%L::text[])[i / 2 %% %s + 1]::%s', words, cardinality(words), c.atttypid::regtype)
                        WHEN c.atttypid = 'text'::regtype THEN '''x'' || i'
                        WHEN c.atttypid = 'bytea'::regtype THEN 'sha256(i::text::bytea)'
                        WHEN c.attname = 'id' THEN 'i'
                        ELSE 'i / 4' END
                || CASE WHEN c.attnotnull THEN '' ELSE ' END' END;
        END LOOP;
        FOR c IN SELECT conname FROM pg_constraint WHERE conrelid = t.oid AND contype = 'c' LOOP
            EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', t.relname, c.conname);
        END LOOP;
        EXECUTE format('INSERT INTO %I (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM generate_series(1, 1000) i
                        ON CONFLICT DO NOTHING', t.relname, substr(names, 3), substr(vals, 3));
    END LOOP;
END $$;

ANALYZE;
UPDATE pg_class SET reltuples = reltuples * 1000
WHERE relnamespace = 'atelier'::regnamespace AND relkind IN ('r', 'i');
