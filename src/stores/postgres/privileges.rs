//! What an account of PostgreSQL may do besides reading, by the server's own catalog.

use sqlx::{Executor, Row};
use url::Url;

use super::connect::{Server, broken};
use crate::stores::{Settings, StoreError};

/// One column: a sentence for each thing. Objects of the same kind are counted, and some of them named.
const ASKED: &str = "\
    WITH facts AS ( \
      SELECT 1 AS place, 'it is a superuser: no privilege is asked of it' AS what FROM pg_catalog.pg_roles \
        WHERE rolname = current_user AND rolsuper \
      UNION ALL SELECT 2, 'it may create and change roles (CREATEROLE)' FROM pg_catalog.pg_roles \
        WHERE rolname = current_user AND rolcreaterole \
      UNION ALL SELECT 3, 'it may create databases (CREATEDB)' FROM pg_catalog.pg_roles \
        WHERE rolname = current_user AND rolcreatedb \
      UNION ALL SELECT 4, 'it may read and steer replication (REPLICATION)' FROM pg_catalog.pg_roles \
        WHERE rolname = current_user AND rolreplication \
      UNION ALL SELECT 5, 'it has the role ' || r.rolname FROM pg_catalog.pg_roles r \
        WHERE r.rolname IN ('pg_write_all_data', 'pg_write_server_files', 'pg_read_server_files', \
          'pg_execute_server_program', 'pg_signal_backend', 'pg_checkpoint', 'pg_maintain', 'pg_create_subscription') \
        AND pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER') \
      UNION ALL SELECT 6, 'it may create schemas in the database ' || current_database() \
        WHERE pg_catalog.has_database_privilege(current_database(), 'CREATE') \
      UNION ALL SELECT 7, 'it may create objects in the schema ' || n.nspname FROM pg_catalog.pg_namespace n \
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
        AND pg_catalog.has_schema_privilege(n.oid, 'CREATE') \
    ), writable AS ( \
      SELECT c.relkind = 'S' AS sequence, n.nspname || '.' || c.relname AS name FROM pg_catalog.pg_class c \
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND ( \
          (c.relkind IN ('r', 'p', 'v', 'm', 'f') \
            AND (pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') \
              OR pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE'))) \
          OR (c.relkind = 'S' AND pg_catalog.has_sequence_privilege(c.oid, 'USAGE, UPDATE'))) \
    ), counted AS ( \
      SELECT sequence, count(*) AS many, (array_agg(name ORDER BY name))[1:3] AS named FROM writable GROUP BY sequence \
    ), definers AS ( \
      SELECT count(*) AS many, (array_agg(n.nspname || '.' || p.proname ORDER BY 1))[1:3] AS named FROM pg_catalog.pg_proc p \
        JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
        WHERE p.prosecdef AND p.oid >= 16384 AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') \
    ) \
    SELECT what FROM ( \
      SELECT place, what FROM facts \
      UNION ALL SELECT 8, 'it may write ' || many || CASE WHEN sequence THEN ' sequences: ' ELSE ' tables: ' END \
        || array_to_string(named, ', ') || CASE WHEN many > 3 THEN ', …' ELSE '' END FROM counted \
      UNION ALL SELECT 9, 'it may call ' || many || ' functions that run with their owners'' privileges (SECURITY DEFINER): ' \
        || array_to_string(named, ', ') || CASE WHEN many > 3 THEN ', …' ELSE '' END FROM definers WHERE many > 0 \
    ) AS said ORDER BY place, what";

/// A sentence for each thing that the account of a URL may do and a check needs not; none when it may only read.
///
/// # Errors
/// When the server cannot be reached or does not tell.
pub(in crate::stores) fn beyond_reading(url: &Url, settings: &Settings) -> Result<Vec<String>, StoreError> {
    let server = Server::new(url, settings)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| StoreError::failed(format!("no runtime for {}: {e}", server.place)))?;
    runtime.block_on(async {
        let mut connection = server.connect().await?;
        let rows = connection.fetch_all(ASKED).await;
        let rows = rows.map_err(|e| broken(&server.place, "its privileges cannot be looked up", &e))?;
        let _ = sqlx::Connection::close(connection).await;
        Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
    })
}
