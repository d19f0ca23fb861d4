//! Who it is that does something, for every command that writes to the ledger. Must not decide what they may do.

use super::Failure;

/// The name to write down: the one given with `--by`, else RECON_USER, else USER or LOGNAME, else the name of the
/// account that the process runs under.
///
/// # Errors
/// A name was given and is blank, or there is none at all (exit 2). Length is the ledger's to judge.
pub(super) fn who(given: Option<&str>) -> Result<String, Failure> {
    if let Some(given) = given {
        return named(given)
            .ok_or_else(|| Failure::usage("`--by` needs a name").hint("write who it is: `--by kim@example.com`"));
    }
    let told = ["RECON_USER", "USER", "LOGNAME"].into_iter().find_map(|name| named(&std::env::var(name).ok()?));
    told.or_else(account).ok_or_else(|| {
        Failure::usage("nothing says who this is: the process's account has no name")
            .hint("give it with `--by WHO`, or set RECON_USER")
    })
}

fn named(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(unix)]
fn account() -> Option<String> {
    let account = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok()??;
    named(&account.name)
}

#[cfg(not(unix))]
fn account() -> Option<String> {
    named(&std::env::var("USERNAME").ok()?)
}
