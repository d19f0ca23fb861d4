SELECT 1
----
SELECT COUNT(*) FROM payout WHERE net < 0;
----
-- payouts that are not what they should be
SELECT p.id, p.net, p.gross - p.income_tax - p.local_tax - p.fee AS expected
FROM payout p
WHERE p.payout_date = :payout_date
  AND p.net <> p.gross - p.income_tax - p.local_tax - p.fee
ORDER BY p.id
----
SELECT /* tax within a won of the rate */ id, income_tax, FLOOR(gross * 0.14 / 10) * 10 AS expected
FROM payout WHERE ABS(income_tax - FLOOR(gross * 0.14 / 10) * 10) > 1
----
SELECT investor_id, SUM(net) AS total FROM payout GROUP BY investor_id HAVING SUM(net) > 1000000 # large
----
SELECT i.id, i.name FROM investor i LEFT JOIN payout p ON p.investor_id = i.id WHERE p.id IS NULL
----
SELECT i.id FROM investor i WHERE NOT EXISTS (SELECT 1 FROM payout p WHERE p.investor_id = i.id)
----
SELECT id FROM investor WHERE id IN (SELECT investor_id FROM payout WHERE status = 'paid') AND kind NOT IN ('closed', 'test')
----
SELECT loan_id, SUM(units) AS held, MAX(total_units) AS total FROM holding GROUP BY loan_id HAVING held <> total
----
SELECT `id`, `net` AS `paid out` FROM `payout` WHERE `status` = 'paid'
----
SELECT DISTINCT status FROM payout ORDER BY status DESC LIMIT 10 OFFSET 0
----
SELECT id FROM payout ORDER BY id LIMIT 5, 10
----
SELECT id FROM payout WHERE net BETWEEN 0 AND 100 OR net IS NULL
----
SELECT id FROM payout WHERE memo LIKE '%50\%%' ESCAPE '\\'
----
SELECT id FROM payout WHERE memo REGEXP '^[A-Z]{2}[0-9]+$' OR memo NOT RLIKE 'x'
----
SELECT id, CASE WHEN net > 0 THEN 'out' WHEN net = 0 THEN 'none' ELSE 'in' END AS direction FROM payout
----
SELECT id, CASE status WHEN 'paid' THEN 1 ELSE 0 END FROM payout
----
SELECT status, COUNT(*), COUNT(DISTINCT investor_id), AVG(net), MIN(net), MAX(net), STDDEV_POP(net), VARIANCE(net) FROM payout GROUP BY status
----
SELECT COALESCE(memo, ''), IFNULL(memo, '-'), NULLIF(net, 0), GREATEST(net, 0), LEAST(net, fee), IF(net > 0, 1, 0) FROM payout
----
SELECT CAST(net AS DECIMAL(20,4)), CAST(id AS CHAR), CAST('2026-11-13' AS DATE), CONVERT(net, SIGNED), CONVERT(memo USING utf8mb4) FROM payout
----
SELECT CAST(id AS UNSIGNED), CAST(gross AS SIGNED INTEGER), BINARY memo FROM payout
----
SELECT ROUND(net, 2), TRUNCATE(net, 0), CEIL(net), FLOOR(net), CEILING(net), MOD(id, 4), id MOD 4, id % 4, id DIV 4, POW(2, 3), SQRT(16), SIGN(net), ABS(net) FROM payout
----
SELECT YEAR(payout_date), MONTH(payout_date), DAY(payout_date), DAYOFWEEK(payout_date), WEEK(payout_date, 3), QUARTER(payout_date), LAST_DAY(payout_date) FROM payout
----
SELECT DATE_ADD(payout_date, INTERVAL 1 MONTH), payout_date + INTERVAL 6 DAY, payout_date - INTERVAL 1 YEAR, DATE_SUB(payout_date, INTERVAL 3 DAY) FROM payout
----
SELECT DATEDIFF(payout_date, '2026-01-01'), TIMESTAMPDIFF(DAY, '2026-01-01', payout_date), DATE_FORMAT(payout_date, '%Y-%m'), STR_TO_DATE('13.11.2026', '%d.%m.%Y') FROM payout
----
SELECT EXTRACT(YEAR FROM payout_date), EXTRACT(YEAR_MONTH FROM payout_date) FROM payout
----
SELECT NOW(), CURRENT_TIMESTAMP, CURRENT_TIMESTAMP(6), CURDATE(), CURRENT_DATE, UTC_TIMESTAMP(), UNIX_TIMESTAMP('2026-01-01'), FROM_UNIXTIME(0)
----
SELECT UPPER(name), LOWER(name), TRIM(name), TRIM(LEADING '0' FROM name), LTRIM(name), RTRIM(name), LENGTH(name), CHAR_LENGTH(name), LPAD(id, 8, '0'), REVERSE(name), REPEAT('x', 3) FROM investor
----
SELECT CONCAT(name, ' <', email, '>'), CONCAT_WS(',', id, name), SUBSTRING(name, 1, 3), SUBSTRING(name FROM 2 FOR 2), SUBSTR(name, 2), LEFT(name, 1), RIGHT(name, 1), MID(name, 2, 1), SUBSTRING_INDEX(email, '@', -1) FROM investor
----
SELECT REPLACE(name, ' ', ''), INSTR(name, 'a'), LOCATE('a', name), POSITION('a' IN name), FIELD(kind, 'person', 'company'), FIND_IN_SET('a', 'a,b'), STRCMP(name, email), SOUNDEX(name), HEX(name), UNHEX('41'), MD5(email), SHA2(email, 256) FROM investor
----
SELECT GROUP_CONCAT(DISTINCT status ORDER BY status DESC SEPARATOR ', ') FROM payout
----
SELECT kind, GROUP_CONCAT(name) FROM investor GROUP BY kind WITH ROLLUP
----
SELECT id, ROW_NUMBER() OVER (PARTITION BY investor_id ORDER BY payout_date DESC) AS n, RANK() OVER (ORDER BY net DESC), LAG(net) OVER (PARTITION BY investor_id ORDER BY payout_date), LEAD(net, 1) OVER w FROM payout WINDOW w AS (PARTITION BY investor_id ORDER BY payout_date)
----
SELECT id, net, SUM(net) OVER (PARTITION BY investor_id ORDER BY payout_date ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running FROM payout
----
WITH last AS (SELECT investor_id, MAX(payout_date) AS on_day FROM payout GROUP BY investor_id)
SELECT p.* FROM payout p JOIN last l ON l.investor_id = p.investor_id AND l.on_day = p.payout_date
----
WITH RECURSIVE days (day) AS (
  SELECT DATE('2026-11-01') UNION ALL SELECT day + INTERVAL 1 DAY FROM days WHERE day < '2026-11-30'
)
SELECT d.day FROM days d LEFT JOIN payout p ON p.payout_date = d.day WHERE p.id IS NULL
----
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS x FROM a) SELECT * FROM b
----
SELECT id FROM payout WHERE net < 0 UNION ALL SELECT id FROM payout WHERE fee < 0 UNION SELECT 0 ORDER BY 1 LIMIT 100
----
(SELECT id FROM payout) UNION (SELECT id FROM investor)
----
SELECT id FROM payout EXCEPT SELECT payout_id FROM event
----
SELECT id FROM payout INTERSECT SELECT payout_id FROM event
----
SELECT t.investor_id, t.total FROM (SELECT investor_id, SUM(net) AS total FROM payout GROUP BY investor_id) AS t WHERE t.total <> 0
----
SELECT p.id, (SELECT COUNT(*) FROM event e WHERE e.payout_id = p.id) AS events FROM payout p
----
SELECT * FROM payout AS p INNER JOIN investor AS i USING (id) CROSS JOIN loan
----
SELECT p.id FROM payout p RIGHT JOIN investor i ON p.investor_id = i.id AND i.kind = 'person'
----
SELECT STRAIGHT_JOIN p.id FROM payout p, investor i WHERE p.investor_id = i.id
----
SELECT p.id FROM payout p STRAIGHT_JOIN investor i ON i.id = p.investor_id
----
SELECT id FROM payout USE INDEX (PRIMARY) WHERE id > 0
----
SELECT id FROM payout FORCE INDEX (PRIMARY) WHERE id = 1
----
SELECT JSON_EXTRACT(detail, '$.net'), JSON_UNQUOTE(JSON_EXTRACT(detail, '$.name')), JSON_VALUE(detail, '$.net'), JSON_LENGTH(detail), JSON_VALID(detail), JSON_CONTAINS(detail, '1', '$.net') FROM payout
----
SELECT JSON_OBJECT('id', id, 'net', net), JSON_ARRAY(1, 2), JSON_ARRAYAGG(id), JSON_OBJECTAGG(id, net) FROM payout GROUP BY id, net
----
SELECT j.k FROM payout, JSON_TABLE(detail, '$.items[*]' COLUMNS (k INT PATH '$.k', v VARCHAR(10) PATH '$.v' DEFAULT 'x' ON EMPTY)) AS j
----
SELECT id FROM payout WHERE (investor_id, payout_date) IN (SELECT investor_id, payout_date FROM payout GROUP BY investor_id, payout_date HAVING COUNT(*) > 1)
----
SELECT id FROM payout WHERE net > ALL (SELECT fee FROM payout WHERE fee IS NOT NULL) OR net = ANY (SELECT 0)
----
SELECT id FROM payout WHERE memo <=> NULL AND NOT (net = 0 XOR fee = 0)
----
SELECT id FROM payout WHERE status = 'paid' && net > 0 || fee < 0
----
SELECT id, net, 1.5e3, .5, -0.00, 0x41, x'4D', b'101', N'text', _utf8mb4'text', DATE '2026-11-13', TIMESTAMP '2026-11-13 00:00:00', TRUE, NULL FROM payout
----
SELECT 'it''s', 'he said "no"', 'a\'b', 'a;b -- no comment # /* none */', 'INTO OUTFILE'
----
SELECT name COLLATE utf8mb4_bin FROM investor WHERE name COLLATE utf8mb4_general_ci = 'a'
----
SELECT VERSION(), DATABASE(), USER(), CURRENT_USER()
----
SELECT table_name, table_rows FROM information_schema.tables WHERE table_schema = DATABASE()
----
SELECT COUNT(*) AS violations FROM payout WHERE payout_date > :payout_date AND net * :factor > 10
----
SELECT CRC32(name), BIT_COUNT(id), id & 1, id | 1, id ^ 1, ~id, id << 1, id >> 1 FROM investor
----
SELECT DATE(at), HOUR(at), MINUTE(at), SECOND(at), MICROSECOND(at), TIME(at), CONVERT_TZ(at, '+00:00', '+09:00') FROM event
----
SELECT MAX(net) - MIN(net) AS spread, SUM(CASE WHEN net < 0 THEN 1 ELSE 0 END) AS negative, SUM(net < 0) FROM payout
----
SELECT id FROM payout GROUP BY id, net ORDER BY COUNT(*) DESC, FIELD(id, 3, 1, 2), id ASC
----
VALUES (1, 2), (3, 4)
----
SELECT id AS `from`, net AS `into`, fee AS `select` FROM payout
----
SELECT payout.id, payout.net FROM payout WHERE payout.`net` > 0
----
SELECT FORMAT(net, 2), FORMAT(net, 0, 'de_DE'), INET_NTOA(1), RAND(1) < 2, UUID() IS NOT NULL FROM payout
----
SELECT TIMEDIFF('10:00', '09:00'), ADDTIME('10:00', '1:00'), MAKEDATE(2026, 1), PERIOD_DIFF(202611, 202601), TO_DAYS('2026-01-01'), WEEKDAY('2026-01-01'), SEC_TO_TIME(60)
----
SELECT COUNT(DISTINCT investor_id, payout_date) FROM payout ORDER BY NULL
----
SELECT CAST(id AS CHAR CHARACTER SET utf8mb4), CAST(id AS CHAR(10)) FROM payout
----
SELECT payout_date + INTERVAL '1 2' DAY_HOUR, DATE_ADD(payout_date, INTERVAL -1 DAY), CURRENT_DATE - INTERVAL 1 DAY, payout_date - INTERVAL id DAY FROM payout
----
SELECT id FROM payout WHERE net NOT BETWEEN 1 AND 2 AND (net > 0) IS TRUE AND (memo = 'x') IS UNKNOWN
----
SELECT id FROM payout WHERE net != 5 AND !(id = 1) AND (id, net) = (1, 84)
----
SELECT 1 FROM DUAL WHERE 1 = 1
----
SELECT p.id FROM payout p LEFT OUTER JOIN investor i ON i.id = p.investor_id WHERE i.id IS NULL GROUP BY 1 ORDER BY 1
----
SELECT id FROM payout UNION DISTINCT SELECT id FROM investor
----
SELECT status, SUM(net) AS s FROM payout GROUP BY status HAVING s > 0 ORDER BY s DESC LIMIT 3
----
SELECT MEDIAN(net) OVER (PARTITION BY status), PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY net) OVER (PARTITION BY status) FROM payout
----
SELECT name FROM investor WHERE name LIKE BINARY 'A%' OR name SOUNDS LIKE 'Ann'
----
SELECT p.id FROM payout p NATURAL LEFT JOIN investor
----
SELECT DATE(payout_date) = CURDATE() AS today, COUNT(*) FROM payout GROUP BY today
----
SELECT IF(SUM(net) IS NULL, 0, SUM(net)) AS total, ROUND(SUM(net) / NULLIF(COUNT(*), 0), 2) AS mean FROM payout
----
SELECT i.name, x.total FROM investor i JOIN (SELECT investor_id, SUM(net) total FROM payout GROUP BY investor_id) x ON x.investor_id = i.id
