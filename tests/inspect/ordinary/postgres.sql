SELECT 1
----
SELECT count(*) FROM payout WHERE net < 0;
----
-- payouts that are not what they should be
SELECT p.id, p.net, p.gross - p.income_tax - p.local_tax - p.fee AS expected
FROM payout p
WHERE p.payout_date = :payout_date
  AND p.net <> p.gross - p.income_tax - p.local_tax - p.fee
ORDER BY p.id
----
SELECT id /* a comment; with a semicolon */ FROM payout -- and one more
----
SELECT investor_id, sum(net) AS total FROM payout GROUP BY investor_id HAVING sum(net) > 1000000
----
SELECT i.id, i.name FROM investor i LEFT JOIN payout p ON p.investor_id = i.id WHERE p.id IS NULL
----
SELECT i.id FROM investor i WHERE NOT EXISTS (SELECT 1 FROM payout p WHERE p.investor_id = i.id)
----
SELECT id FROM investor WHERE id IN (SELECT investor_id FROM payout WHERE status = 'paid') AND kind NOT IN ('closed', 'test')
----
SELECT loan_id, sum(units) AS held, max(total_units) AS total FROM holding GROUP BY loan_id HAVING sum(units) <> max(total_units)
----
SELECT "id", "net" AS "paid out" FROM "payout" WHERE "status" = 'paid'
----
SELECT DISTINCT status FROM payout ORDER BY status DESC NULLS LAST LIMIT 10 OFFSET 0
----
SELECT DISTINCT ON (investor_id) investor_id, payout_date, net FROM payout ORDER BY investor_id, payout_date DESC
----
SELECT id FROM payout ORDER BY id FETCH FIRST 10 ROWS ONLY
----
SELECT id FROM payout WHERE net BETWEEN 0 AND 100 OR net IS NULL
----
SELECT id FROM payout WHERE memo LIKE '%50\%%' OR memo ILIKE 'A%' OR memo SIMILAR TO '(a|b)%'
----
SELECT id FROM payout WHERE memo ~ '^[A-Z]{2}[0-9]+$' OR memo !~* 'x'
----
SELECT id, CASE WHEN net > 0 THEN 'out' WHEN net = 0 THEN 'none' ELSE 'in' END AS direction FROM payout
----
SELECT id, CASE status WHEN 'paid' THEN 1 ELSE 0 END FROM payout
----
SELECT status, count(*), count(DISTINCT investor_id), avg(net), min(net), max(net), stddev_pop(net), variance(net) FROM payout GROUP BY status
----
SELECT count(*) FILTER (WHERE net < 0), sum(net) FILTER (WHERE status = 'paid') FROM payout
----
SELECT coalesce(memo, ''), nullif(net, 0), greatest(net, 0), least(net, fee) FROM payout
----
SELECT CAST(net AS numeric(20,4)), id::text, '2026-11-13'::date, net::bigint, id::double precision, memo::varchar(10), '1 day'::interval FROM payout
----
SELECT round(net, 2), trunc(net, 0), ceil(net), floor(net), mod(id, 4), id % 4, power(2, 3), 2 ^ 3, |/ 16, sqrt(16), sign(net), abs(net), div(7, 2), @ -5 FROM payout
----
SELECT extract(year FROM payout_date), date_part('month', payout_date), date_trunc('month', payout_date), to_char(payout_date, 'YYYY-MM'), age(payout_date, '2026-01-01') FROM payout
----
SELECT payout_date + 6, payout_date - INTERVAL '1 month', payout_date + make_interval(days => 3), payout_date - DATE '2026-01-01' FROM payout
----
SELECT now(), current_date, current_timestamp, localtimestamp, clock_timestamp(), to_timestamp(0), make_date(2026, 11, 13), to_date('13.11.2026', 'DD.MM.YYYY')
----
SELECT at AT TIME ZONE 'Asia/Seoul' FROM event
----
SELECT upper(name), lower(name), trim(name), trim(leading '0' from name), btrim(name), length(name), char_length(name), lpad(id::text, 8, '0'), reverse(name), repeat('x', 3), initcap(name) FROM investor
----
SELECT name || ' <' || email || '>', concat(name, email), concat_ws(',', id, name), substring(name, 1, 3), substring(name from 2 for 2), substring(name from '[a-z]+'), left(name, 1), right(name, 1), split_part(email, '@', 2) FROM investor
----
SELECT replace(name, ' ', ''), strpos(name, 'a'), position('a' in name), overlay(name placing 'x' from 1 for 1), translate(name, 'ab', 'xy'), md5(email), encode(sha256(email::bytea), 'hex'), format('%s-%s', id, name), regexp_replace(name, '[0-9]', '', 'g'), ascii(name), chr(65) FROM investor
----
SELECT string_agg(DISTINCT status::text, ', ' ORDER BY status::text), array_agg(id ORDER BY id DESC) FROM payout
----
SELECT kind, count(*) FROM investor GROUP BY ROLLUP (kind)
----
SELECT kind, name, count(*) FROM investor GROUP BY GROUPING SETS ((kind), (name), ())
----
SELECT kind, name, grouping(kind), count(*) FROM investor GROUP BY CUBE (kind, name)
----
SELECT id, row_number() OVER (PARTITION BY investor_id ORDER BY payout_date DESC) AS n, rank() OVER (ORDER BY net DESC), lag(net) OVER (PARTITION BY investor_id ORDER BY payout_date), lead(net, 1) OVER w FROM payout WINDOW w AS (PARTITION BY investor_id ORDER BY payout_date)
----
SELECT id, sum(net) OVER (PARTITION BY investor_id ORDER BY payout_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running FROM payout
----
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY net), percentile_disc(0.9) WITHIN GROUP (ORDER BY net), mode() WITHIN GROUP (ORDER BY status) FROM payout
----
WITH last AS (SELECT investor_id, max(payout_date) AS on_day FROM payout GROUP BY investor_id)
SELECT p.* FROM payout p JOIN last l ON l.investor_id = p.investor_id AND l.on_day = p.payout_date
----
WITH RECURSIVE days (day) AS (
  SELECT DATE '2026-11-01' UNION ALL SELECT day + 1 FROM days WHERE day < '2026-11-30'
)
SELECT d.day FROM days d LEFT JOIN payout p ON p.payout_date = d.day WHERE p.id IS NULL
----
WITH a AS MATERIALIZED (SELECT 1 AS x), b AS NOT MATERIALIZED (SELECT x + 1 AS x FROM a) SELECT * FROM b
----
SELECT id FROM payout WHERE net < 0 UNION ALL SELECT id FROM payout WHERE fee < 0 UNION SELECT 0 ORDER BY 1 LIMIT 100
----
(SELECT id FROM payout ORDER BY id LIMIT 1) UNION ALL (SELECT id FROM investor ORDER BY id LIMIT 1)
----
SELECT id FROM payout EXCEPT SELECT payout_id FROM event
----
SELECT id FROM payout INTERSECT SELECT payout_id FROM event
----
SELECT t.investor_id, t.total FROM (SELECT investor_id, sum(net) AS total FROM payout GROUP BY investor_id) AS t WHERE t.total <> 0
----
SELECT p.id, (SELECT count(*) FROM event e WHERE e.payout_id = p.id) AS events FROM payout p
----
SELECT * FROM payout AS p INNER JOIN investor AS i USING (id) CROSS JOIN loan
----
SELECT p.id FROM payout p FULL OUTER JOIN investor i ON p.investor_id = i.id
----
SELECT p.id, l.net FROM payout p, LATERAL (SELECT max(net) AS net FROM payout q WHERE q.investor_id = p.investor_id) AS l
----
SELECT p.id, l.n FROM payout p LEFT JOIN LATERAL (SELECT count(*) AS n FROM event e WHERE e.payout_id = p.id) l ON true
----
SELECT d::date FROM generate_series(DATE '2026-11-01', DATE '2026-11-30', INTERVAL '1 day') AS d WHERE d::date NOT IN (SELECT payout_date FROM payout)
----
SELECT g.n FROM generate_series(1, 10) AS g(n)
----
SELECT x FROM unnest(ARRAY[1, 2, 3]) AS x
----
SELECT x, o FROM unnest(ARRAY['a', 'b']) WITH ORDINALITY AS t(x, o)
----
SELECT detail -> 'net', detail ->> 'name', detail #>> '{items,0,k}', detail @> '{"net": 1}', detail ? 'net', jsonb_typeof(detail), jsonb_array_length(detail -> 'items') FROM payout
----
SELECT p.id, i.value ->> 'k' FROM payout p CROSS JOIN LATERAL jsonb_array_elements(p.detail -> 'items') AS i(value)
----
SELECT k, v FROM payout, jsonb_each_text(detail) AS j(k, v)
----
SELECT jsonb_build_object('id', id, 'net', net), jsonb_agg(id), json_object_agg(id, net), to_jsonb(payout), row_to_json(payout) FROM payout GROUP BY id, net, payout
----
SELECT x.k FROM payout, jsonb_to_recordset(detail -> 'items') AS x(k integer, v text)
----
SELECT id FROM payout WHERE (investor_id, payout_date) IN (SELECT investor_id, payout_date FROM payout GROUP BY investor_id, payout_date HAVING count(*) > 1)
----
SELECT id FROM payout WHERE net > ALL (SELECT fee FROM payout WHERE fee IS NOT NULL) OR id = ANY (ARRAY[1, 2])
----
SELECT id FROM payout WHERE memo IS DISTINCT FROM 'x' AND memo IS NOT DISTINCT FROM NULL AND (net = 0) IS NOT TRUE
----
SELECT id, net, 1.5e3, .5, -0.00, x'4D', B'101', E'a\'b\n', TRUE, NULL, DATE '2026-11-13', TIMESTAMP '2026-11-13 00:00:00', TIMESTAMPTZ '2026-11-13 00:00:00+09', INTERVAL '1' DAY FROM payout
----
SELECT 'it''s', 'a;b -- no comment /* none */', 'a\b', 'COPY x TO'
----
SELECT name COLLATE "C" FROM investor WHERE name COLLATE "C" = 'a'
----
SELECT version(), current_database(), current_user, session_user, current_schema
----
SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'
----
SELECT count(*) AS violations FROM payout WHERE payout_date > :payout_date AND net * :factor > 10
----
SELECT pg_catalog.abs(net), pg_catalog.count(*) OVER () FROM payout
----
SELECT id & 1, id | 1, id # 1, ~id, id << 1, id >> 1 FROM investor
----
SELECT max(net) - min(net) AS spread, sum(CASE WHEN net < 0 THEN 1 ELSE 0 END) AS negative FROM payout
----
VALUES (1, 2), (3, 4)
----
SELECT id AS "from", net AS "into", fee AS "select" FROM payout
----
SELECT (ARRAY[1, 2, 3])[1], (ARRAY[1, 2, 3])[1:2], array_length(ARRAY[1], 1), ARRAY[1] || 2, cardinality(ARRAY[1]), array_to_string(ARRAY[1, 2], ',')
----
SELECT (DATE '2026-11-01', DATE '2026-11-30') OVERLAPS (DATE '2026-11-13', DATE '2026-12-13'), '[2026-11-01,2026-11-30]'::daterange @> DATE '2026-11-13', int4range(1, 5) && int4range(3, 7)
----
SELECT status::text, 'paid'::payout_status FROM payout
----
SELECT payout_date NOTNULL, bool_and(net > 0), every(net > 0), bit_or(id) FROM payout GROUP BY payout_date
----
SELECT id FROM payout TABLESAMPLE SYSTEM (100)
----
SELECT regexp_matches('abc', 'b'), regexp_split_to_table('a,b', ','), string_to_array('a,b', ','), to_tsvector('simple', 'a b') @@ to_tsquery('simple', 'a'), host('127.0.0.1'::inet)
----
SELECT width_bucket(5, 0, 10, 5), gcd(12, 18), ln(1), log(10), exp(0), pi(), random() < 2, degrees(0), numeric '1.5', txt.txt FROM (SELECT 'x' AS txt) AS txt
----
SELECT id FROM payout WHERE id = ANY (ARRAY(SELECT id FROM investor)) OR memo LIKE ANY (ARRAY['a%', 'b%'])
----
SELECT * FROM ONLY payout
----
SELECT p.a FROM payout AS p (a, b)
----
SELECT (detail ->> 'net')::numeric, detail #> '{items}', jsonb_path_query(detail, '$.items[*].k'), CAST('{}' AS jsonb) FROM payout
----
SELECT extract(epoch FROM (now() - at)), at::date, at + INTERVAL '6 hours' FROM event GROUP BY 1, 2, 3 LIMIT ALL
----
SELECT to_char(net, 'FM999G999D00'), to_char(payout_date, 'IYYY-IW') FROM payout OFFSET 1 ROWS FETCH NEXT 5 ROWS ONLY
----
SELECT sum(net) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM payout
----
SELECT net BETWEEN 0 AND 1, net NOT BETWEEN 0 AND 1, net ISNULL, (net > 0) IS NOT FALSE FROM payout
----
SELECT string_agg(status::text, ',' ORDER BY id DESC) FILTER (WHERE net > 0) FROM payout GROUP BY GROUPING SETS ((status), ())
----
SELECT i.name, x.total FROM investor i JOIN (SELECT investor_id, sum(net) total FROM payout GROUP BY investor_id) x ON x.investor_id = i.id
----
WITH RECURSIVE t (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT sum(n) FROM t
----
SELECT round(sum(net) / nullif(count(*), 0), 2) AS mean FROM payout HAVING count(*) > 0
----
SELECT DISTINCT ON (p.investor_id) p.investor_id, p.net FROM public.payout AS p ORDER BY p.investor_id, p.payout_date DESC NULLS LAST
----
SELECT CASE WHEN net IS NULL THEN 'missing' WHEN net::text ~ '^-' THEN 'negative' END FROM payout
