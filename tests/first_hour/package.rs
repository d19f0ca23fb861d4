//! What people see of the program as a package: its version, its manual, its image.

use crate::support::Place;

#[test]
fn the_version_names_stores_and_libraries() {
    let place = Place::new();
    let long = place.recon(&["--version"]);
    assert_eq!(long.code, Some(0), "{long}");
    let version = env!("CARGO_PKG_VERSION");
    assert!(long.stdout.starts_with(&format!("recon {version}\n")), "{long}");
    let lock = include_str!("../../Cargo.lock");
    for name in ["polars", "sqlx", "mongodb", "mysql_common", "parquet"] {
        let at = lock.find(&format!("name = \"{name}\"\nversion = \"")).expect("a package");
        let locked = lock[at..].split('"').nth(3).expect("a version");
        assert!(long.stdout.contains(&format!("{name} {locked}")), "{name} {locked}: {long}");
    }
    assert!(!long.stdout.contains(" unknown"), "{long}");
    let short = place.recon(&["-V"]);
    assert_eq!(short.stdout, format!("recon {version}\n"));
}

#[test]
fn manual_pages_are_printed() {
    let place = Place::new();
    let page = place.recon(&["man"]);
    assert_eq!(page.code, Some(0), "{page}");
    assert!(page.stdout.contains(".TH recon 1") && page.stdout.contains("verify"), "{page}");
    let verify = place.recon(&["man", "verify"]);
    assert!(
        verify.code == Some(0) && verify.stdout.contains("recon\\-verify") && verify.stdout.contains("strict"),
        "{verify}"
    );
    assert_eq!(place.recon(&["man", "nothing"]).code, Some(2));
    let help = place.recon(&["--help"]);
    assert!(
        help.stdout.contains("doctor") && help.stdout.contains("init") && !help.stdout.contains("  man "),
        "{help}"
    );
}

#[test]
fn the_image_is_built_from_what_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("Dockerfile")).expect("Dockerfile");
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("Cargo.toml");
    let needed =
        manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("rust-version");
    assert!(text.contains(&format!("FROM rust:{needed}-")), "the image's Rust is not {needed}");
    let mut copied = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|line| !line.starts_with("--from")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        for source in &words[..words.len() - 1] {
            assert!(root.join(source).exists(), "the Dockerfile copies {source}, which is not there");
            copied += 1;
        }
    }
    // Whatever the sources include is copied too.
    for included in ["build.rs", "Cargo.lock", "schemas", "src", "fixtures", "benches", "LICENSE"] {
        assert!(text.contains(&format!(" {included}")), "the Dockerfile does not copy {included}");
    }
    assert!(copied >= 6, "{copied}");
}
