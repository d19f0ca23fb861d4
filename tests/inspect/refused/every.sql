
----
   -- nothing but a comment
----
;
----
INSERT INTO payout (id) VALUES (99)
----
UPDATE payout SET net = 0
----
DELETE FROM payout
----
REPLACE INTO payout (id) VALUES (99)
----
DROP TABLE payout
----
TRUNCATE TABLE payout
----
CREATE TABLE stolen AS SELECT * FROM payout
----
CREATE TEMPORARY TABLE stolen (a int)
----
ALTER TABLE payout ADD COLUMN x int
----
GRANT ALL ON payout TO public
----
SET GLOBAL max_error_count = 65
----
CALL pay_all()
----
DO SLEEP(10)
----
EXPLAIN SELECT 1
----
EXPLAIN ANALYZE DELETE FROM payout
----
SHOW TABLES
----
DESCRIBE payout
----
BEGIN
----
COMMIT
----
PREPARE p FROM 'DELETE FROM payout'
----
EXECUTE p
----
LOCK TABLES payout WRITE
----
TABLE payout
----
DELIMITER //
SELECT 1//
----
SELECT 1; DELETE FROM payout
----
SELECT 1; SELECT 2
----
SELECT ';'; DELETE FROM payout; --
----
SELECT 1 /* ; */; /* ; */ DELETE FROM payout
----
SELECT 1;;
DELETE FROM payout
----
SELECT 1 /*! INTO OUTFILE '/tmp/x' */
----
SELECT 1 /*!50000 , SLEEP(10) */
----
SELECT 1 /*M!100100 , SLEEP(10) */
----
SELECT 1 /*+ MAX_EXECUTION_TIME(0) */
----
SELECT /*+ SET_VAR(max_execution_time=0) */ SLEEP(10)
----
/*!DELETE FROM payout*/ SELECT 1
----
SELECT 1 /* outer /* inner */ , 2 */
----
SELECT 1 /* not closed
----
SELECT 'not closed
----
SELECT 1*/2
----
SELECT * INTO stolen FROM payout
----
SELECT net INTO @x FROM payout
----
SELECT * FROM payout INTO OUTFILE '/tmp/x'
----
SELECT id FROM payout FOR UPDATE
----
SELECT id FROM payout FOR SHARE
----
SELECT id FROM payout LOCK IN SHARE MODE
----
SELECT (SELECT id FROM payout LIMIT 1 FOR UPDATE)
----
WITH gone AS (DELETE FROM payout RETURNING id) SELECT * FROM gone
----
WITH changed AS (UPDATE payout SET net = 0 RETURNING id) SELECT * FROM changed
----
WITH added AS (INSERT INTO payout (id) VALUES (99) RETURNING id) SELECT * FROM added
----
WITH a AS (SELECT 1) DELETE FROM payout
----
WITH a AS (SELECT 1) INSERT INTO payout SELECT * FROM a
----
SELECT * FROM (DELETE FROM payout RETURNING id) x
----
SELECT id FROM payout WHERE id IN (UPDATE payout SET net = 0 RETURNING id)
----
SELECT pay_all()
----
SELECT shop.pay_all(1)
----
SELECT pay_all (1)
----
SELECT * FROM pay_all()
----
SELECT id FROM payout WHERE pay_all(id) > 0
----
SELECT id FROM payout ORDER BY pay_all(id)
----
SELECT id FROM payout GROUP BY id HAVING pay_all(id) > 0
----
SELECT id FROM payout LIMIT pay_all(1)
----
SELECT CASE WHEN 1 = 1 THEN pay_all(1) END
----
SELECT count(*) OVER (PARTITION BY pay_all(1)) FROM payout
----
SELECT p.id FROM payout p JOIN investor i ON pay_all(i.id) = p.id
----
SELECT coalesce(1, abs(pay_all(1)))
----
SELECT (SELECT pay_all(1))
----
SELECT 1 UNION SELECT pay_all(1)
----
WITH pay_all AS (SELECT 1) SELECT pay_all(1) FROM pay_all
----
SELECT 1 AS a, b := 2
----
SELECT 1.e(pay_all(1))
----
SELECT 1x
----
SELECT id FROM payout WHERE id = ?
----
SELECT id FROM payout WHERE id = $1
----
SELECT {fn now()}
----
SELECT 1 \g
----
SELECT 1 + 1
----
SELECT “id” FROM payout
----
SELECT id FROM payout WHERE status = ‘paid’
----
SELECT 'a' 'b'
----
SELECT id FROM
----
SELECT id FROM payout WHERE
----
SELEC id FROM payout
----
SELECT id,, net FROM payout
----
SELECT id FROM payout LIMIT 5 BY id
----
SELECT TOP 5 id FROM payout
----
SELECT id FROM payout QUALIFY row_number() OVER () = 1
----
FROM payout SELECT id
----
SELECT * EXCEPT (net) FROM payout
