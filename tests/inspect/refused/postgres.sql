SELECT pg_sleep(10)
----
SELECT "pg_sleep"(10)
----
SELECT pg_catalog.pg_sleep(10)
----
SELECT "pg_catalog"."pg_sleep"(10)
----
SELECT PG_SLEEP(10)
----
SELECT pg_sleep_for('10 seconds')
----
SELECT pg_sleep_until(now() + interval '1 minute')
----
SELECT pg_read_file('/etc/passwd')
----
SELECT pg_catalog.pg_read_file('/etc/passwd')
----
SELECT pg_read_binary_file('/etc/passwd')
----
SELECT * FROM pg_ls_dir('.')
----
SELECT * FROM pg_catalog.pg_ls_dir('.') AS d
----
SELECT * FROM payout, LATERAL pg_ls_dir('.') d
----
SELECT * FROM ROWS FROM (pg_ls_dir('.'), generate_series(1, 2)) x
----
SELECT (pg_stat_file('/etc/passwd')).size
----
SELECT pg_ls_logdir()
----
SELECT lo_import('/etc/passwd')
----
SELECT lo_export(1, '/tmp/x')
----
SELECT lo_from_bytea(0, 'x')
----
SELECT lo_unlink(1)
----
SELECT * FROM dblink('host=x', 'DELETE FROM payout') AS t(a int)
----
SELECT dblink_exec('host=x', 'DELETE FROM payout')
----
SELECT pg_terminate_backend(1)
----
SELECT pg_cancel_backend(1)
----
SELECT pg_reload_conf()
----
SELECT set_config('statement_timeout', '0', false)
----
SELECT current_setting('data_directory')
----
SELECT nextval('s')
----
SELECT setval('s', 1)
----
SELECT pg_advisory_lock(1)
----
SELECT pg_try_advisory_lock(1)
----
SELECT pg_notify('a', 'b')
----
SELECT query_to_xml('DELETE FROM payout', true, true, '')
----
SELECT table_to_xml('payout', true, true, '')
----
SELECT database_to_xml(true, true, '')
----
SELECT * FROM ts_stat('SELECT pg_sleep(10)')
----
SELECT txid_current()
----
SELECT pg_current_xact_id()
----
SELECT pg_create_restore_point('x')
----
SELECT pg_switch_wal()
----
SELECT public.pay_all()
----
SELECT "Abs"(1)
----
SELECT U&"pg_sle\0065p"(10)
----
SELECT U&'\0061'
----
SELECT $$text$$
----
SELECT $a$text$a$
----
SELECT E'a\'' , 'b'
'c'
----
SELECT 1 OPERATOR(public.+) 2
----
SELECT 1 OPERATOR(pg_catalog.+) 2
----
SELECT 1 <=!=> 2
----
SELECT id FROM payout FOR NO KEY UPDATE
----
SELECT id FROM payout FOR KEY SHARE NOWAIT
----
SELECT id INTO TEMP stolen FROM payout
----
COPY payout TO '/tmp/x'
----
COPY (SELECT 1) TO PROGRAM 'id'
----
DO $$ BEGIN PERFORM 1; END $$
----
LISTEN x
----
NOTIFY x
----
VACUUM
----
DECLARE c CURSOR FOR SELECT 1
----
FETCH ALL FROM c
----
MERGE INTO payout USING payout p ON false WHEN MATCHED THEN DELETE
----
SELECT make_interval(days := 5)
----
SELECT (payout.pay_all(1)).x FROM payout
----
SELECT xmltable('x')
----
SELECT * FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS a text PATH '.')
----
SELECT ts_rewrite('a'::tsquery, 'SELECT 1')
----
SELECT crosstab('SELECT 1')
----
SELECT pg_logical_emit_message(false, 'a', 'b')
----
SELECT inet_client_addr()
