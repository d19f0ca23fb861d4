//! Every exit code of `recon`, and nothing else. Schedulers rely on them; a change needs a release note.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// `diff`: all records agree. `verify`: clean, or warned (the legacy values stand in).
    Success = 0,
    /// `diff`: some record differs. `verify`: blocked by policy or by a failing check.
    Discrepancies = 1,
    /// Bad flags, configuration, query or check definition; nothing was run.
    Usage = 2,
    /// Could not verify: a store, a decode or a write failed, a timeout, an unknown value, or nothing was compared.
    Incomplete = 3,
    /// Another run holds the lock, or the state machine does not allow the step.
    Refused = 4,
    /// Interrupted by the user.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl From<Exit> for i32 {
    fn from(exit: Exit) -> i32 {
        i32::from(exit as u8)
    }
}
