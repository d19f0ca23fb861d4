//! A disk that is full and a clock that is wrong, without being root and without touching the machine: a small library
//! that is loaded before `recon` and answers in place of the system (`preload.c`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::scene::Scene;
use crate::support::Outcome;

/// The library, compiled once for this process. The C compiler is there: recon's own build needs it.
fn library() -> &'static Path {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, library) = BUILT.get_or_init(|| {
        let dir = tempfile::Builder::new().prefix("recon-preload-").tempdir().expect("a temporary folder");
        let library = dir.path().join("preload.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos/preload.c");
        let mut built = Command::new("cc");
        built.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
        let built = built.output().expect("cc runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        (dir, library)
    });
    library
}

/// A command of `recon` with what is given in its environment, and the library loaded.
pub fn command(scene: &Scene, settings: &[(&str, &str)]) -> Command {
    let mut command = scene.project.place.command();
    command.env("LD_PRELOAD", library()).envs(settings.iter().copied());
    command
}

/// Runs it to its end.
pub fn run(mut command: Command) -> Outcome {
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn();
    crate::scene::ended(child.expect("recon starts"))
}
