//! Whether a check's file or its row in the database is ahead: an edit that was made on one side is never lost because
//! the other is copied over it. Must not read either.

use super::file::CheckFile;
use super::row::CheckRow;

/// A version of a check in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its number.
    pub number: u64,
    /// [`CheckRow::hash`] of its [`CheckRow::content`].
    pub hash: String,
    /// It came from a file.
    pub pushed: bool,
    /// The row was deleted.
    pub deleted: bool,
}

/// How a file and the database differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    /// They say the same.
    Same,
    /// There never was such a check in the database.
    OnlyFile,
    /// There is no file.
    OnlyDatabase,
    /// It was deleted in the database, with this version.
    Deleted(u64),
    /// The file was changed; the database holds nothing that the file's author did not have before them.
    File,
    /// The file is this older version: the database is ahead.
    Database(u64),
    /// The file was changed, and so was the database: first with this version.
    Both(u64),
}

/// Says how they differ. `past` are all versions in the database, the first first, an edit that nobody noticed yet
/// among them; the last is what the row says.
///
/// A file begins where its `version` says, as long as the database knows that version; else with what was pushed last:
/// what came from files since then is for those to sort out who keep the files.
pub fn drift(file: Option<&CheckFile>, row: Option<&CheckRow>, past: &[Past]) -> Drift {
    let (file, row) = match (file, row) {
        (None, None) => return Drift::Same,
        (None, Some(_)) => return Drift::OnlyDatabase,
        (Some(_), None) => {
            let deletion = past.last().filter(|last| last.deleted);
            return deletion.map_or(Drift::OnlyFile, |last| Drift::Deleted(last.number));
        }
        (Some(file), Some(row)) => (file, row),
    };
    if file.row == row.content() {
        return Drift::Same;
    }
    let hash = file.row.hash();
    let known = |one: &&Past| !one.deleted && one.hash == hash;
    if hash != row.content().hash()
        && let Some(older) = past.iter().rev().find(known)
    {
        return Drift::Database(older.number);
    }
    let made_from = |one: &Past| !one.deleted && file.version.as_ref().is_some_and(|version| version.is(&one.hash));
    let base = past.iter().rposition(made_from).or_else(|| past.iter().rposition(|one| one.pushed));
    let since = &past[base.map_or(0, |base| base + 1)..];
    match since.iter().find(|one| !one.pushed) {
        Some(edited) => Drift::Both(edited.number),
        None => Drift::File,
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::FileVersion;
    use super::*;

    fn row(query: &str) -> CheckRow {
        CheckRow { name: "net".into(), query: Some(query.into()), ..CheckRow::default() }.content()
    }

    /// Versions from queries; `!` before one: pushed; `-`: the row was deleted.
    fn past(queries: &[&str]) -> Vec<Past> {
        let one = |(number, query): (u64, &&str)| Past {
            number,
            hash: row(query.trim_start_matches('!')).hash(),
            pushed: query.starts_with('!'),
            deleted: *query == "-",
        };
        (1..).zip(queries).map(one).collect()
    }

    fn of(file: &str, version: Option<&str>, database: &[&str]) -> Drift {
        let past = past(database);
        let version = version.map(|query| FileVersion::of(1, &row(query).hash()));
        let last = database.last().filter(|query| **query != "-").map(|query| row(query.trim_start_matches('!')));
        drift(Some(&CheckFile { row: row(file), version }), last.as_ref(), &past)
    }

    #[test]
    fn no_edit_is_lost() {
        for (file, version, database, expected) in [
            ("a", None, vec![], Drift::OnlyFile),
            ("a", Some("a"), vec![], Drift::OnlyFile),
            ("a", None, vec!["a"], Drift::Same),
            ("b", None, vec!["!a"], Drift::File),
            // Nobody pushed it or pulled it before.
            ("b", None, vec!["a"], Drift::Both(1)),
            ("b", Some("a"), vec!["a"], Drift::File),
            // Edited in the database since.
            ("b", None, vec!["!a", "c"], Drift::Both(2)),
            ("b", None, vec!["!a", "c", "!d"], Drift::File),
            ("b", Some("a"), vec!["!a", "c", "!d"], Drift::Both(2)),
            ("b", Some("c"), vec!["!a", "c"], Drift::File),
            ("b", Some("a"), vec!["a", "c", "a"], Drift::File),
            // Pushed from somewhere else since: those who keep the files know.
            ("b", Some("a"), vec!["a", "!c"], Drift::File),
            // The version is of another database.
            ("b", Some("x"), vec!["!a"], Drift::File),
            ("b", Some("x"), vec!["!a", "c"], Drift::Both(2)),
            // The file is behind.
            ("a", Some("a"), vec!["a", "b"], Drift::Database(1)),
            ("a", None, vec!["!a", "!b"], Drift::Database(1)),
            ("a", None, vec!["a", "-"], Drift::Deleted(2)),
            ("a", None, vec!["!a", "-", "c"], Drift::Database(1)),
            ("b", None, vec!["!a", "-", "c"], Drift::Both(2)),
        ] {
            assert_eq!(of(file, version, &database), expected, "{file} {version:?} {database:?}");
        }
        assert_eq!(drift(None, Some(&row("a")), &past(&["a"])), Drift::OnlyDatabase);
        assert_eq!(drift(None, None, &past(&["a", "-"])), Drift::Same);
    }

    #[test]
    fn another_owner_is_a_change_too() {
        let file = CheckFile { row: CheckRow { owner: Some("kim".into()), ..row("a") }, version: None };
        assert_eq!(drift(Some(&file), Some(&row("a")), &past(&["!a"])), Drift::File);
        assert_eq!(drift(Some(&file), Some(&row("a")), &past(&["a"])), Drift::Both(1));
        let blank = CheckRow { expect: Some(" ".into()), updated_by: Some("kim".into()), ..row("a") };
        assert_eq!(drift(Some(&CheckFile { row: row("a"), version: None }), Some(&blank), &[]), Drift::Same);
    }
}
