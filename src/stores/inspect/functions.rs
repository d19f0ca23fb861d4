//! The functions that a check may call, store by store: built-in, and known to read only. This is the one table of
//! them; `docs/check-safety.md` shows it.
//!
//! What is not listed is refused, whatever it does: a function that somebody made may write, and one that a new version
//! of a store brings may too. What people try and must not have is listed with the reason, so that the message helps.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::stores::sql::Dialect;

use super::{Refusal, StoreKind};

/// Words before a parenthesis that are no functions.
const STRUCTURE: &str = "all and any array as asc between binary bit by case char character columns cross cube dec decimal desc distinct \
    div double else end escape except exists extract filter float from full group grouping having ilike in index inner \
    int integer intersect interval into is join key lateral left like limit match materialized mod nchar not numeric \
    nvarchar of offset on or order over partition partitions path precision primary recursive references regexp right rlike \
    rollup row rows select sets signed similar some tables tablesample bernoulli system text then time timestamp timestamptz \
    to union unsigned using values varbinary varbit varchar varying when where window with within xor blob bigint smallint \
    tinyint datetime nested json unique against";

/// MySQL and MariaDB together: a server that has not got one of them looks for a stored function of that name, which is
/// asked for before the query runs.
const MYSQL: &str = "\
    any_value avg bit_and bit_or bit_xor count group_concat json_arrayagg json_objectagg max min std stddev stddev_pop \
    stddev_samp sum var_pop var_samp variance median percentile_cont percentile_disc grouping \
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number \
    abs acos asin atan atan2 ceil ceiling conv cos cot crc32 degrees exp floor format greatest least ln log log10 log2 \
    mod pi pow power radians rand round sign sin sqrt tan truncate \
    ascii bin bit_count bit_length char char_length character_length chr concat concat_ws convert elt export_set field \
    find_in_set from_base64 hex insert instr lcase left length lengthb locate lower lpad ltrim make_set mid oct \
    octet_length ord position quote regexp_instr regexp_like regexp_replace regexp_substr repeat replace reverse right \
    rpad rtrim soundex space strcmp substr substring substring_index to_base64 to_char trim ucase unhex upper \
    weight_string natural_sort_key sformat \
    adddate addtime convert_tz curdate current_date current_time current_timestamp curtime date date_add date_format \
    date_sub datediff day dayname dayofmonth dayofweek dayofyear extract from_days from_unixtime get_format hour \
    last_day localtime localtimestamp makedate maketime microsecond minute month monthname now period_add period_diff \
    quarter sec_to_time second str_to_date subdate subtime sysdate time time_format time_to_sec timediff timestamp \
    timestampadd timestampdiff to_days to_seconds unix_timestamp utc_date utc_time utc_timestamp week weekday weekofyear \
    year yearweek add_months months_between to_date to_number \
    coalesce if ifnull isnull nullif nvl nvl2 decode interval cast default values \
    json_array json_array_append json_array_insert json_compact json_contains json_contains_path json_depth json_detailed \
    json_equals json_exists json_extract json_insert json_keys json_length json_loose json_merge json_merge_patch \
    json_merge_preserve json_normalize json_object json_overlaps json_pretty json_query json_quote json_remove \
    json_replace json_schema_valid json_search json_set json_storage_size json_table json_type json_unquote json_valid \
    json_value \
    md5 sha sha1 sha2 uuid bin_to_uuid uuid_to_bin is_uuid inet_aton inet_ntoa inet6_aton inet6_ntoa is_ipv4 is_ipv6 \
    charset coercibility collation current_role current_user database schema session_user system_user user version";

const POSTGRES: &str = "\
    any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or count every json_agg json_object_agg jsonb_agg \
    jsonb_object_agg max min string_agg sum range_agg corr covar_pop covar_samp regr_avgx regr_avgy regr_count \
    regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp var_pop var_samp variance \
    mode percentile_cont percentile_disc grouping \
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number \
    abs acos acosd asin asind atan atan2 atan2d atand cbrt ceil ceiling cos cosd cosh cot cotd degrees div erf erfc exp \
    factorial floor gcd lcm ln log log10 min_scale mod numeric pi pow power radians random random_normal round scale sign \
    sin sind sinh sqrt tan tand tanh trim_scale trunc width_bucket \
    ascii bit_count bit_length btrim casefold char_length character_length chr concat concat_ws convert convert_from \
    convert_to decode encode format get_bit get_byte initcap left length lower lpad ltrim md5 normalize octet_length \
    overlay parse_ident position quote_ident quote_literal quote_nullable regexp_count regexp_instr regexp_like \
    regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr repeat replace \
    reverse right rpad rtrim sha224 sha256 sha384 sha512 split_part starts_with string_to_array string_to_table strpos \
    substr substring text to_ascii to_hex to_bin to_oct translate trim unicode_version unistr upper \
    similarity word_similarity strict_word_similarity levenshtein soundex difference metaphone unaccent \
    age clock_timestamp current_date current_time current_timestamp date date_add date_bin date_part date_subtract \
    date_trunc extract isfinite justify_days justify_hours justify_interval localtime localtimestamp make_date \
    make_interval make_time make_timestamp make_timestamptz now overlaps statement_timestamp timeofday timezone to_char \
    to_date to_number to_timestamp transaction_timestamp \
    coalesce greatest least nullif num_nonnulls num_nulls cast \
    array array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position \
    array_positions array_prepend array_remove array_replace array_reverse array_sort array_to_string array_upper \
    cardinality generate_series generate_subscripts trim_array unnest \
    array_to_json json_array json_array_elements json_array_elements_text json_array_length json_build_array \
    json_build_object json_each json_each_text json_exists json_extract_path json_extract_path_text json_object \
    json_object_keys json_populate_record json_query json_scalar json_serialize json_strip_nulls json_to_record \
    json_to_recordset json_typeof json_value jsonb_array_elements jsonb_array_elements_text jsonb_array_length \
    jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_exists jsonb_extract_path \
    jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_keys jsonb_path_exists jsonb_path_match \
    jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_populate_record jsonb_pretty jsonb_set \
    jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof row_to_json to_json to_jsonb \
    isempty lower_inc lower_inf range_merge upper_inc upper_inf daterange int4range int8range numrange tsrange tstzrange \
    multirange datemultirange int4multirange int8multirange nummultirange tsmultirange tstzmultirange \
    gen_random_uuid uuidv4 uuidv7 abbrev broadcast family host hostmask inet_merge inet_same_family masklen netmask network \
    plainto_tsquery phraseto_tsquery websearch_to_tsquery to_tsquery to_tsvector ts_headline ts_rank ts_rank_cd numnode \
    querytree setweight strip xpath xpath_exists \
    area center diameter height isclosed isopen npoints point radius box circle line lseg path polygon \
    current_catalog current_database current_role current_schema current_user session_user user version pg_typeof \
    hashtext pg_column_size row";

/// As far as SQLite is built into recon: without the functions of mathematics.
const SQLITE: &str = "\
    avg count group_concat max min string_agg sum total json_group_array json_group_object jsonb_group_array \
    jsonb_group_object cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank \
    row_number abs random round sign char coalesce concat concat_ws format glob hex if ifnull iif instr length like \
    likelihood likely lower ltrim nullif octet_length printf quote replace rtrim soundex substr substring trim \
    typeof unhex unicode unistr unlikely upper cast current_date current_time current_timestamp date datetime \
    julianday strftime time timediff unixepoch json json_array json_array_length json_error_position json_extract \
    json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set json_type json_valid \
    jsonb jsonb_array jsonb_extract jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set \
    json_each json_tree pragma_foreign_key_list pragma_index_info pragma_index_list pragma_index_xinfo \
    pragma_table_info pragma_table_list pragma_table_xinfo bm25 highlight snippet sqlite_version";

/// What names would do; with a star, all that begin so. Only for the message: what is not listed above is refused
/// in any case.
const REASONS: &[(&str, &str)] = &[
    ("load_file", "reads a file of the server"),
    ("sleep", "waits"),
    ("pg_sleep*", "waits"),
    ("benchmark", "only takes time"),
    ("get_lock", "takes a lock that other sessions wait for"),
    ("release_lock", "gives up a lock"),
    ("release_all_locks", "gives up locks"),
    ("is_free_lock", "looks at other sessions' locks"),
    ("is_used_lock", "looks at other sessions' locks"),
    ("master_pos_wait", "waits"),
    ("master_gtid_wait", "waits"),
    ("source_pos_wait", "waits"),
    ("wait_for_*", "waits"),
    ("wait_until_*", "waits"),
    ("wsrep_*", "waits"),
    ("sys_e*", "runs programs on the server"),
    ("last_insert_id", "changes the session"),
    ("nextval", "takes a number from a sequence: that is a write"),
    ("setval", "sets a sequence: that is a write"),
    ("currval", "belongs to what the session has written"),
    ("lastval", "belongs to what the session has written"),
    ("pg_read*", "reads files of the server"),
    ("pg_ls_*", "lists folders of the server"),
    ("pg_stat_file", "looks at files of the server"),
    ("pg_file_*", "writes files of the server"),
    ("pg_logfile*", "works on the server's log"),
    ("pg_rotate*", "works on the server's log"),
    ("pg_terminate_backend", "ends other sessions"),
    ("pg_cancel_backend", "ends other sessions' queries"),
    ("pg_reload_conf", "changes the server's settings"),
    ("pg_advisory*", "takes a lock that other sessions wait for"),
    ("pg_try_advisory*", "takes a lock that other sessions wait for"),
    ("pg_notify", "sends a message to other sessions"),
    ("pg_switch_*", "works on the server's files"),
    ("pg_create_*", "writes on the server"),
    ("pg_drop_*", "writes on the server"),
    ("pg_logical_*", "writes on the server"),
    ("pg_replication_*", "writes on the server"),
    ("pg_promote", "changes the server's role"),
    ("pg_import*", "writes on the server"),
    ("set_config", "changes a setting"),
    ("current_setting", "reads the server's settings, secrets among them"),
    ("setseed", "changes the session"),
    ("txid_*", "takes a transaction's number: that is a write"),
    ("pg_current_xact_id*", "takes a transaction's number: that is a write"),
    ("lo_*", "reads and writes large objects and files"),
    ("loread", "reads large objects"),
    ("lowrite", "writes large objects"),
    ("dblink*", "sends statements to another server"),
    ("postgres_fdw*", "opens connections to another server"),
    ("query_to_xml*", "runs the text that it is given as a statement"),
    ("cursor_to_xml*", "runs the text that it is given"),
    ("table_to_xml*", "reads a table that the examination does not see"),
    ("schema_to_xml*", "reads tables that the examination does not see"),
    ("database_to_xml*", "reads tables that the examination does not see"),
    ("ts_stat", "runs the text that it is given as a statement"),
    ("ts_rewrite", "runs the text that it is given as a statement"),
    ("crosstab*", "runs the text that it is given as a statement"),
    ("connectby", "runs the text that it is given as a statement"),
    ("xpath_table", "runs the text that it is given as a statement"),
    ("load_extension", "loads a program into recon"),
    ("readfile", "reads a file"),
    ("writefile", "writes a file"),
    ("fsdir", "lists folders"),
    ("lsdir", "lists folders"),
    ("edit", "starts a program"),
    ("fts3_tokenizer*", "takes an address in memory"),
    ("zeroblob", "makes values of any size in recon's memory"),
    ("randomblob", "makes values of any size in recon's memory"),
    ("sqlite_log", "writes to a log"),
    ("pragma_*", "shows or changes how SQLite works"),
    ("des_*", "reads a file of keys"),
    ("uncompress*", "makes values of any size"),
];

/// MySQL takes these for its own functions only with the parenthesis directly behind the name; with a blank it looks for
/// a stored function. (Manual, "Function Name Parsing and Resolution".)
const PARENTHESIS_AT_ONCE: &str = "adddate bit_and bit_or bit_xor cast count curdate curtime date_add date_sub extract \
    group_concat json_arrayagg json_objectagg max mid min now position session_user std stddev stddev_pop stddev_samp \
    subdate substr substring sum sysdate system_user trim variance var_pop var_samp";

/// Tables of SQLite that are functions or show the file's raw pages.
const SQLITE_TABLES: &str = "bytecode completion dbstat fsdir generate_series sqlite_dbdata sqlite_dbpage sqlite_dbptr sqlite_stmt \
    tables_used zipfile csv lsmode vtablog wholenumber";

type Words = LazyLock<HashSet<&'static str>>;

static STRUCTURE_SET: Words = LazyLock::new(|| STRUCTURE.split_whitespace().collect());
static MYSQL_SET: Words = LazyLock::new(|| MYSQL.split_whitespace().collect());
static POSTGRES_SET: Words = LazyLock::new(|| POSTGRES.split_whitespace().collect());
static SQLITE_SET: Words = LazyLock::new(|| SQLITE.split_whitespace().collect());

fn known(dialect: Dialect) -> &'static HashSet<&'static str> {
    match dialect {
        Dialect::MySql => &MYSQL_SET,
        Dialect::Postgres => &POSTGRES_SET,
        Dialect::Sqlite => &SQLITE_SET,
    }
}

/// The functions that a check may call in a SQL store, sorted; empty for MongoDB ([`super::operators`]).
pub fn functions(kind: StoreKind) -> Vec<&'static str> {
    let set = match kind {
        StoreKind::MySql => known(Dialect::MySql),
        StoreKind::Postgres => known(Dialect::Postgres),
        StoreKind::Sqlite => known(Dialect::Sqlite),
        StoreKind::Mongo => return Vec::new(),
    };
    let mut names: Vec<&str> = set.iter().copied().collect();
    names.sort_unstable();
    names
}

/// What is thought of a name.
pub(super) enum Standing {
    Known,
    Refused(Refusal),
}

/// Whether a function may be called.
pub(super) fn standing(dialect: Dialect, name: &str) -> Standing {
    if known(dialect).contains(name) {
        return Standing::Known;
    }
    let store = match dialect {
        Dialect::MySql => "MySQL",
        Dialect::Postgres => "PostgreSQL",
        Dialect::Sqlite => "SQLite",
    };
    let name = crate::domain::shorten(name, 60);
    Standing::Refused(match reason(&name) {
        Some(reason) => Refusal::new(format!("`{name}` {reason}: a check only reads"))
            .hint("leave it out; docs/check-safety.md lists the functions that may be called"),
        None => Refusal::new(format!("`{name}` is not one of the {store} functions that a check may call")).hint(
            "docs/check-safety.md lists them; a function that somebody made might write: put what it computes into a view or \
             a column",
        ),
    })
}

/// Why a name is known to be harmful.
fn reason(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let is = |known: &str| match known.strip_suffix('*') {
        Some(begin) => lower.starts_with(begin),
        None => lower == known,
    };
    REASONS.iter().find(|(known, _)| is(known)).map(|(_, reason)| *reason)
}

/// Whether a name is known to be harmful: then it is refused even where the query seems to give it to something else.
pub(super) fn is_harmful(name: &str) -> bool {
    reason(name).is_some()
}

/// Whether a table may be read by its name alone.
pub(super) fn table_standing(dialect: Dialect, name: &str) -> Standing {
    let function = dialect == Dialect::Sqlite
        && (name.starts_with("pragma_") || SQLITE_TABLES.split_whitespace().any(|table| table == name));
    if function { standing(dialect, name) } else { Standing::Known }
}

/// Whether a word before a parenthesis is no function but a part of the language.
pub(super) fn is_structure(dialect: Dialect, word: &str) -> bool {
    // `numeric(…)`, `text(…)`, … are types and functions; whoever is a function is judged as one.
    STRUCTURE_SET.contains(word) && !known(dialect).contains(word)
}

/// Whether MySQL wants the parenthesis directly behind this name.
pub(super) fn needs_its_parenthesis(name: &str) -> bool {
    PARENTHESIS_AT_ONCE.split_whitespace().any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_reason_against_it_is_in_no_list() {
        for dialect in [Dialect::MySql, Dialect::Postgres, Dialect::Sqlite] {
            let allowed_pragmas = |name: &str| dialect == Dialect::Sqlite && name.starts_with("pragma_");
            let both: Vec<_> =
                known(dialect).iter().filter(|name| is_harmful(name) && !allowed_pragmas(name)).collect();
            assert!(both.is_empty(), "{dialect:?}: {both:?}");
        }
    }

    #[test]
    fn no_name_stands_twice() {
        for list in [MYSQL, POSTGRES, SQLITE, PARENTHESIS_AT_ONCE, STRUCTURE] {
            let mut names: Vec<_> = list.split_whitespace().collect();
            names.sort_unstable();
            let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
            assert!(twice.is_empty(), "{twice:?}");
        }
    }
}
