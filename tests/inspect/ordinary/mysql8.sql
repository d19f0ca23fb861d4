SELECT ANY_VALUE(net) FROM payout GROUP BY investor_id
----
SELECT detail->'$.net', detail->>'$.name' FROM payout
----
SELECT id FROM payout WHERE REGEXP_LIKE(memo, '^x', 'i')
----
SELECT p.id, l.net FROM payout p, LATERAL (SELECT MAX(net) AS net FROM payout q WHERE q.investor_id = p.investor_id) AS l
----
SELECT id FROM payout WHERE 3 MEMBER OF (detail)
----
SELECT GROUPING(status), status, SUM(net) FROM payout GROUP BY status WITH ROLLUP
----
SELECT BIN_TO_UUID(UUID_TO_BIN('550e8400-e29b-41d4-a716-446655440000')), IS_UUID('x')
----
SELECT JSON_OVERLAPS('[1]', '[1,2]'), JSON_SCHEMA_VALID('{}', '{}')
----
SELECT id FROM payout WHERE MATCH (memo) AGAINST ('+won' IN BOOLEAN MODE)
----
SELECT id, net, SUM(net) OVER (ORDER BY payout_date RANGE BETWEEN INTERVAL 7 DAY PRECEDING AND CURRENT ROW) FROM payout
