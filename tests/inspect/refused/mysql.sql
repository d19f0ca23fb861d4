SELECT LOAD_FILE('/etc/passwd')
----
SELECT load_file ('/etc/passwd')
----
SELECT `LOAD_FILE`('/etc/passwd')
----
SELECT LOAD_FILE/**/('/etc/passwd')
----
SELECT LOAD_FILE -- why
('/etc/passwd')
----
SELECT SLEEP(10)
----
SELECT sLeEp(10)
----
SELECT `sleep`(10)
----
SELECT id FROM payout WHERE SLEEP(10) = 0
----
SELECT BENCHMARK(100000000, SHA2('x', 512))
----
SELECT GET_LOCK('x', 100)
----
SELECT RELEASE_LOCK('x')
----
SELECT RELEASE_ALL_LOCKS()
----
SELECT MASTER_POS_WAIT('x', 1)
----
SELECT sys_exec('id')
----
SELECT LAST_INSERT_ID(5)
----
SELECT NEXTVAL(s)
----
SELECT NEXT VALUE FOR s
----
SELECT SETVAL(s, 1)
----
SELECT * FROM payout PROCEDURE ANALYSE()
----
SELECT id FROM payout INTO DUMPFILE '/tmp/x'
----
SELECT id INTO OUTFILE '/tmp/x' FROM payout
----
SELECT id INTO DUMPFILE '/tmp/x' FROM payout
----
SELECT @a
----
SELECT @a := 1
----
SELECT @@secure_file_priv
----
SELECT COUNT (*) FROM payout
----
SELECT NOW ()
----
SELECT 1--1
----
SELECT id FROM payout --comment without a blank
----
SELECT HIGH_PRIORITY id FROM payout
----
HANDLER payout OPEN
----
LOAD DATA INFILE '/etc/passwd' INTO TABLE payout
----
SET STATEMENT max_statement_time = 0 FOR SELECT SLEEP(10)
----
SELECT id FROM payout LIMIT 5 ROWS EXAMINED 10
----
SELECT CAST(id AS something) FROM payout
----
SELECT a.b.c.pay_all(1)
----
SELECT id FROM payout FOR UPDATE SKIP LOCKED
----
KILL 5
----
FLUSH TABLES
----
SELECT mysql.abs(1)
----
SELECT UNCOMPRESS('x')
----
BEGIN NOT ATOMIC SELECT 1; END
