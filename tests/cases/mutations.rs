//! Mutations: every small edit of a query, filter or calculation is noticed by the shipped cases.

use serde::Deserialize;

use crate::{edit, example};

#[derive(Deserialize)]
struct Mutations {
    edit: Vec<Mutation>,
}

#[derive(Deserialize)]
struct Mutation {
    example: String,
    file: String,
    from: String,
    to: String,
    what: String,
}

fn tested(mutation: Option<&Mutation>, name: &str, with_python: bool) -> crate::support::Outcome {
    let place = example(name);
    if with_python {
        place.write("calculator.py", include_str!("calculator.py"));
        edit(&place, "recon.toml", r#"command = ["recon", "calculator"]"#, r#"command = ["python3", "calculator.py"]"#);
    }
    if let Some(mutation) = mutation {
        edit(&place, &mutation.file, &mutation.from, &mutation.to);
    }
    place.recon(&["test"])
}

#[test]
fn the_calculator_that_can_be_edited_holds_the_cases_as_the_real_one() {
    let outcome = tested(None, "merchant", true);
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn every_mutation_is_caught_by_a_shipped_case() {
    let mutations: Mutations = toml::from_str(include_str!("mutations.toml")).expect("mutations");
    assert!(mutations.edit.len() >= 20);
    for mutation in &mutations.edit {
        let outcome = tested(Some(mutation), &mutation.example, mutation.file == "calculator.py");
        let what = format!("{} {}: {}", mutation.example, mutation.file, mutation.what);
        assert_eq!(outcome.code, Some(1), "not caught: {what}: {outcome}");
        // Noticed by what came out, not because the edit cannot run.
        assert!(outcome.stdout.starts_with("FAIL  ") && !outcome.stdout.contains("BROKEN"), "{what}: {outcome}");
    }
}
