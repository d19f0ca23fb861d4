//! `recon checks edit`: what was written is saved when it is a check, and never lost.

use crate::support::Place;
use crate::{NET, checks, done, json, place, refused, sql, steady, texts};

/// A place with one check, and an editor that runs this script on the file `$1`.
fn edited(script: &str) -> Place {
    let place = place().env("EDITOR", "sh ./editor.sh 'an option'").env("TMPDIR", ".");
    place.write("editor.sh", format!("shift\n{script}\n"));
    place.write("checks/net.sql", NET);
    done(&place, &["push"]);
    place
}

#[test]
fn an_edit_is_shown_and_saved() {
    let _steady = steady();
    let place = edited("sed -i 's/net < 0/net <= 0/' \"$1\"");
    insta::assert_snapshot!("edited", done(&place, &["edit", "net", "--by", "kim"]));
    assert_eq!(texts(&place, "net")[1], "SELECT investor_id, net\nFROM candidate\nWHERE net <= 0");
    let check = &json(&place, &["list"])["checks"][0];
    assert_eq!((&check["version"], &check["updated_by"]), (&2.into(), &"kim".into()));
    // $VISUAL goes before $EDITOR.
    let place = place.env("VISUAL", "true");
    assert_eq!(done(&place, &["edit", "net"]), "nothing was changed\n");
    assert!(drafts(&place).is_empty(), "nothing is left behind: {:?}", drafts(&place));
    let place = place.env("VISUAL", "sed -i s/owes/owed/");
    assert!(done(&place, &["edit", "net"]).contains("net: saved; what it does is version 2 as before"));
    let place = place.env("VISUAL", "sed -i -e s/kind:/kind:\\ /");
    assert_eq!(done(&place, &["edit", "net"]), "nothing was changed\n", "blanks are nothing");
}

fn drafts(place: &Place) -> Vec<String> {
    let all = std::fs::read_dir(place.path()).expect("read");
    let names = all.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    names.filter(|name| name.starts_with("recon-net-")).collect()
}

#[test]
fn what_is_no_check_is_kept_and_can_be_mended() {
    let _steady = steady();
    for (script, parts) in [
        ("sed -i 's/stage: compared/stage: after/' \"$1\"", ["`stage` is `after`: write one of", "nothing was saved"]),
        (
            "sed -i 's/severity/severety/' \"$1\"",
            ["line 6: `severety` is no key of a check", "did you mean `severity`?"],
        ),
        (
            "sed -i 's/name: net/name: ten/' \"$1\"",
            ["names the check `ten`, and `net` is edited", "a check keeps its name"],
        ),
        (
            "sed -i 's/of: payout/of: pay/; s/reconciliation: payout/reconciliation: pay/' \"$1\"",
            ["there is no reconciliation `pay`", "nothing was saved"],
        ),
        (": > \"$1\"", ["there is no query", "nothing was saved"]),
    ] {
        let place = edited(script);
        let outcome = refused(&place, 2, &["edit", "net"], &parts);
        assert_eq!(texts(&place, "net").len(), 1);
        let drafts = drafts(&place);
        assert!(drafts.len() == 1 && outcome.stderr.contains("checks edit net --file /"), "{outcome}");
        assert!(outcome.stderr.contains(&format!("{}`", drafts[0])), "{outcome}");
        // Mended, it is saved.
        let draft = format!("./{}", drafts[0]);
        place.write(&drafts[0], NET.replace("net < 0", "net <> 0"));
        let place = place.env("EDITOR", "true");
        assert!(done(&place, &["edit", "net", "--file", &draft]).contains("saved as version 2"));
    }
    let place = edited("exit 3");
    let failed = refused(&place, 3, &["edit", "net"], &["ended with an error", "nothing was saved"]);
    assert!(failed.stdout.is_empty());
    refused(&place.env("EDITOR", "no-such-editor"), 3, &["edit", "net"], &["`no-such-editor` ended with an error"]);
}

#[test]
fn an_edit_made_meanwhile_is_not_overwritten() {
    let sqlite = "cp recon.db other.db";
    let place = edited(sqlite);
    // Somebody edits while the editor is open: the editor itself does it, through recon.
    let recon = env!("CARGO_BIN_EXE_recon");
    place.write("editor.sh", format!("shift\nsed -i 's/net < 0/net <= 0/' \"$1\"\nVISUAL=true {recon} checks disable net --reason 'it is wrong' --by lee >/dev/null\n"));
    let outcome = refused(
        &place,
        4,
        &["edit", "net"],
        &["the check `net` was edited meanwhile, last by lee", "the text is kept"],
    );
    assert_eq!(texts(&place, "net").len(), 2);
    let draft = format!("./{}", drafts(&place)[0]);
    assert!(outcome.stderr.contains(&drafts(&place)[0]), "{outcome}");
    // The draft is of the version before: going on with it would undo what lee did.
    let place = place.env("VISUAL", "true");
    refused(&place, 4, &["edit", "net", "--file", &draft], &["was edited since: version 2 by lee"]);
    assert_eq!(json(&place, &["list"])["checks"][0]["state"], serde_json::json!(["off"]));
    refused(&place, 2, &["edit", "net", "--file", "none.sql"], &["there is no file none.sql"]);
}

#[test]
fn what_cannot_be_edited() {
    let place = edited("true");
    refused(&place, 2, &["edit", "ten"], &["there is no check `ten`"]);
    sql(&place, "UPDATE recon_checks SET query = x'ff'");
    refused(&place, 2, &["edit", "net"], &["cannot be shown as a text to edit", "`query` holds bytes", "plain SQL"]);
    sql(&place, "DELETE FROM recon_checks");
    refused(&place, 2, &["edit", "net"], &["the check `net` was deleted: version", "recon checks new net"]);
    assert_eq!(checks(&place, &["edit"]).code, Some(2));
}
