-- Functions and types of SQLite that statements of tests use, and the program's do not.

CREATE DOMAIN public.blob AS BYTEA;

CREATE FUNCTION public.hex(bytea) RETURNS TEXT LANGUAGE sql RETURN upper(encode($1, 'hex'));

CREATE FUNCTION public.randomblob(integer) RETURNS BYTEA LANGUAGE sql
RETURN substr(sha256(CAST(CAST(random() AS TEXT) AS BYTEA)), 1, $1);

CREATE FUNCTION public.zeroblob(integer) RETURNS BYTEA LANGUAGE sql RETURN decode(repeat('00', $1), 'hex');

CREATE FUNCTION public.json_quote(text) RETURNS TEXT LANGUAGE sql RETURN CAST(to_json($1) AS TEXT);

-- One number in a text, with zeros before it: `%012d`.
CREATE FUNCTION public.printf(text, bigint) RETURNS TEXT LANGUAGE sql
RETURN regexp_replace($1, '%(0[0-9]+)?d', lpad(CAST($2 AS TEXT),
    greatest(length(CAST($2 AS TEXT)), CAST(coalesce(substring($1 FROM '%(0[0-9]+)d'), '0') AS INTEGER)), '0'));

-- The month of a time in seconds.
CREATE FUNCTION public.strftime(text, bigint, text) RETURNS TEXT LANGUAGE sql
RETURN CASE WHEN $1 = '%Y-%m' AND $3 = 'unixepoch' THEN to_char(to_timestamp($2) AT TIME ZONE 'UTC', 'YYYY-MM') END;
