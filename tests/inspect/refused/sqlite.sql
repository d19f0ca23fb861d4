ATTACH '/tmp/x.db' AS x
----
DETACH x
----
PRAGMA query_only = OFF
----
PRAGMA writable_schema = 1
----
PRAGMA journal_mode = DELETE
----
VACUUM
----
VACUUM INTO '/tmp/x.db'
----
REINDEX
----
ANALYZE
----
SELECT load_extension('/tmp/x.so')
----
SELECT "load_extension"('/tmp/x.so')
----
SELECT [load_extension]('/tmp/x.so')
----
SELECT `load_extension`('/tmp/x.so')
----
SELECT readfile('/etc/passwd')
----
SELECT writefile('/tmp/x', 'x')
----
SELECT edit('x', 'vi')
----
SELECT fts3_tokenizer('x')
----
SELECT * FROM fsdir('/')
----
SELECT * FROM fsdir
----
SELECT * FROM pragma_journal_mode
----
SELECT * FROM pragma_journal_mode('delete')
----
SELECT * FROM pragma_database_list
----
SELECT * FROM "pragma_compile_options"
----
SELECT * FROM main.pragma_database_list
----
SELECT * FROM sqlite_dbpage
----
SELECT * FROM dbstat
----
SELECT hex(zeroblob(1000000000))
----
SELECT hex(randomblob(1000000000))
----
SELECT id FROM payout WHERE id = ?1
----
SELECT id FROM payout WHERE id = @id
----
SELECT id FROM payout WHERE id = $id
----
SELECT id FROM payout WHERE id = :1
----
SELECT id FROM payout WHERE memo REGEXP 'a'
----
SELECT last_insert_rowid()
----
SELECT total_changes()
----
SELECT sqlite_compileoption_get(0)
----
INSERT INTO payout DEFAULT VALUES RETURNING id
----
SELECT id FROM payout INDEXED BY nothing
----
CREATE VIRTUAL TABLE x USING fts5(a)
----
SELECT 1 UNION ALL SELECT load_extension('x')
----
SELECT json_each(readfile('x'))
