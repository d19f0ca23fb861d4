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
SELECT investor_id, sum(net) AS total, total(net), avg(net) FROM payout GROUP BY investor_id HAVING sum(net) > 1000000
----
SELECT i.id, i.name FROM investor i LEFT JOIN payout p ON p.investor_id = i.id WHERE p.id IS NULL
----
SELECT i.id FROM investor i WHERE NOT EXISTS (SELECT 1 FROM payout p WHERE p.investor_id = i.id)
----
SELECT id FROM investor WHERE id IN (SELECT investor_id FROM payout WHERE status = 'paid') AND kind NOT IN ('closed', 'test')
----
SELECT loan_id, sum(units) AS held, max(total_units) AS total FROM holding GROUP BY loan_id HAVING held <> total
----
SELECT [id], [net] AS [paid out] FROM [payout] WHERE [status] = 'paid'
----
SELECT `id`, [net] FROM [payout]
----
SELECT DISTINCT status FROM payout ORDER BY status DESC LIMIT 10 OFFSET 0
----
SELECT id FROM payout WHERE net BETWEEN 0 AND 100 OR net IS NULL OR net NOTNULL
----
SELECT id FROM payout WHERE memo LIKE '%50\%%' ESCAPE '\'
----
SELECT id FROM payout WHERE memo GLOB 'A*'
----
SELECT id, CASE WHEN net > 0 THEN 'out' WHEN net = 0 THEN 'none' ELSE 'in' END AS direction FROM payout
----
SELECT id, CASE status WHEN 'paid' THEN 1 ELSE 0 END FROM payout
----
SELECT status, count(*), count(DISTINCT investor_id), min(net), max(net) FROM payout GROUP BY status
----
SELECT count(*) FILTER (WHERE net < 0), sum(net) FILTER (WHERE status = 'paid') FROM payout
----
SELECT coalesce(memo, ''), ifnull(memo, '-'), nullif(net, 0), max(net, 0), min(net, fee), iif(net > 0, 1, 0) FROM payout
----
SELECT CAST(net AS TEXT), CAST(id AS REAL), CAST('7' AS INTEGER), CAST(net AS NUMERIC) FROM payout
----
SELECT round(net, 2), abs(net), id % 4, sign(net) FROM payout
----
SELECT date(payout_date), strftime('%Y-%m', payout_date), julianday(payout_date), date(payout_date, '+1 month', 'start of month', '-1 day'), datetime('2026-01-01'), time('10:00'), unixepoch('2026-01-01') FROM payout
----
SELECT CURRENT_DATE, CURRENT_TIME, CURRENT_TIMESTAMP, date('now')
----
SELECT upper(name), lower(name), trim(name), ltrim(name, '0'), rtrim(name), length(name), substr(name, 1, 3), substring(name, 2), replace(name, ' ', ''), instr(name, 'a'), printf('%08d', id), format('%s', name) FROM investor
----
SELECT name || ' <' || email || '>', hex(name), unhex('41'), quote(name), typeof(id), unicode('a'), char(65, 66), soundex(name), concat(name, email), concat_ws(',', id, name) FROM investor
----
SELECT group_concat(DISTINCT status), group_concat(status, '; '), string_agg(status, ',') FROM payout
----
SELECT id, row_number() OVER (PARTITION BY investor_id ORDER BY payout_date DESC) AS n, rank() OVER (ORDER BY net DESC), lag(net) OVER (PARTITION BY investor_id ORDER BY payout_date), lead(net, 1) OVER w FROM payout WINDOW w AS (PARTITION BY investor_id ORDER BY payout_date)
----
SELECT id, sum(net) OVER (PARTITION BY investor_id ORDER BY payout_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running FROM payout
----
SELECT id, sum(net) OVER (ORDER BY id RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM payout
----
WITH last AS (SELECT investor_id, max(payout_date) AS on_day FROM payout GROUP BY investor_id)
SELECT p.* FROM payout p JOIN last l ON l.investor_id = p.investor_id AND l.on_day = p.payout_date
----
WITH RECURSIVE days (day) AS (
  SELECT date('2026-11-01') UNION ALL SELECT date(day, '+1 day') FROM days WHERE day < '2026-11-30'
)
SELECT d.day FROM days d LEFT JOIN payout p ON p.payout_date = d.day WHERE p.id IS NULL
----
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS x FROM a) SELECT * FROM b
----
SELECT id FROM payout WHERE memo NOT GLOB '*a' AND memo IS 'x' OR id == 1
----
SELECT id FROM payout WHERE net < 0 UNION ALL SELECT id FROM payout WHERE fee < 0 UNION SELECT 0 ORDER BY 1 LIMIT 100
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
SELECT p.id FROM payout p RIGHT JOIN investor i ON p.investor_id = i.id AND i.kind = 'person'
----
SELECT p.id FROM payout p, investor i WHERE p.investor_id = i.id
----
SELECT p.id FROM payout p NATURAL JOIN investor
----
SELECT json_extract(detail, '$.net'), detail -> '$.net', detail ->> '$.name', json_type(detail), json_valid(detail), json_array_length(detail, '$.items') FROM payout
----
SELECT json_object('id', id, 'net', net), json_array(1, 2), json_group_array(id), json_group_object(id, net) FROM payout
----
SELECT p.id, j.value FROM payout p, json_each(p.detail) j WHERE j.key = 'net'
----
SELECT p.id, j.fullkey FROM payout p JOIN json_tree(p.detail, '$.items') AS j
----
SELECT id FROM payout WHERE (investor_id, payout_date) IN (SELECT investor_id, payout_date FROM payout GROUP BY investor_id, payout_date HAVING count(*) > 1)
----
SELECT id FROM payout WHERE memo IS NULL AND NOT (net = 0) AND memo IS NOT 'x'
----
SELECT id FROM payout WHERE memo IS NOT DISTINCT FROM NULL
----
SELECT id, net, 1.5e3, .5, -0.00, 0x41, x'4D', TRUE, NULL FROM payout
----
SELECT 'it''s', 'a;b -- no comment /* none */', 'a\b', 'PRAGMA x'
----
SELECT name COLLATE NOCASE FROM investor WHERE name COLLATE BINARY = 'a'
----
SELECT name, sql FROM sqlite_schema WHERE type = 'table'
----
SELECT name FROM sqlite_master
----
SELECT name, type FROM pragma_table_info('payout')
----
SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
----
SELECT count(*) AS violations FROM payout WHERE payout_date > :payout_date AND net * :factor > 10
----
SELECT id & 1, id | 1, ~id, id << 1, id >> 1 FROM investor
----
SELECT max(net) - min(net) AS spread, sum(CASE WHEN net < 0 THEN 1 ELSE 0 END) AS negative, sum(net < 0) FROM payout
----
VALUES (1, 2), (3, 4)
----
SELECT id AS [from], net AS [into], fee AS [select] FROM payout
----
SELECT main.payout.id FROM main.payout
----
SELECT rowid, id FROM payout ORDER BY id NULLS LAST
----
SELECT id FROM payout WHERE likely(net > 0) AND unlikely(fee > 0)
----
SELECT sqlite_version(), random() IS NOT NULL, octet_length('a')
----
SELECT id, first_value(net) OVER (ORDER BY id), nth_value(net, 2) OVER (ORDER BY id), ntile(4) OVER (ORDER BY id), percent_rank() OVER (ORDER BY id), cume_dist() OVER (ORDER BY id), dense_rank() OVER (ORDER BY id) FROM payout
----
SELECT id FROM payout ORDER BY memo COLLATE NOCASE LIMIT 5, 10
----
SELECT CAST(net AS DECIMAL(10,2)), date('now', 'localtime'), memo ISNULL FROM payout GROUP BY 1, 2, 3
----
WITH RECURSIVE t (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT sum(n) FROM t
----
SELECT id FROM payout WHERE id IN () OR id != 5 OR (id, net) = (1, 84)
----
SELECT i.name, x.total FROM investor i JOIN (SELECT investor_id, sum(net) total FROM payout GROUP BY investor_id) x ON x.investor_id = i.id
----
SELECT round(sum(net) / nullif(count(*), 0), 2) AS mean FROM payout HAVING count(*) > 0
----
SELECT id, sum(net) OVER win FROM payout WINDOW win AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
