-- From version 10 to 11: clients may leave out PKCE, and read groups under other names. Letters that only look like a NUL
-- in JSON stay as they are.

ALTER TABLE clients ADD COLUMN pkce TEXT NOT NULL DEFAULT 'required' CHECK (pkce IN ('required', 'optional'));
ALTER TABLE clients ADD COLUMN group_names TEXT NOT NULL DEFAULT '{}';

-- PostgreSQL's own functions refuse a JSON text with a NUL in a string. A control character takes its place, which is in
-- no name either. Behind another backslash the same letters are no NUL.
CREATE OR REPLACE FUNCTION json_without_nul(text) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN strpos($1, '\u0000') = 0 THEN $1
            ELSE regexp_replace($1, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\u0001', 'g') END;

CREATE OR REPLACE FUNCTION json_each(text, text) RETURNS TABLE (key BIGINT, value TEXT) LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS 'SELECT at - 1, e FROM json_array_elements_text(CAST(json_without_nul($1) AS json)) WITH ORDINALITY j (e, at)
    WHERE $2 = ''$''';

-- Members of objects and elements of lists that are stored as text.
CREATE OR REPLACE FUNCTION json_member(text, text) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CAST(json_without_nul($1) AS json) ->> $2;

CREATE OR REPLACE FUNCTION json_part(text, text) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CAST(CAST(json_without_nul($1) AS json) -> $2 AS text);

CREATE OR REPLACE FUNCTION json_element(text, integer) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CAST(json_without_nul($1) AS json) ->> $2;

-- A function in SQL would be planned again for each row that is written.
CREATE OR REPLACE FUNCTION short_parts(text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    parts text[] := string_to_array($1, NULL);
BEGIN
    FOR at IN 1 .. length($1) - 1 LOOP
        parts := parts || (parts[at] || parts[at + 1]);
    END LOOP;
    RETURN parts;
END $$;
