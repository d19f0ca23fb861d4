//! This machine: room for temporary files, programs, filesystems.

use std::path::{Path, PathBuf};

use super::finding::Finding;

/// Less room than this for temporary files is told: sides that do not come in key order are sorted there.
const ROOM: u64 = 1 << 30;

pub(super) fn look() -> Vec<Finding> {
    let folder = std::env::temp_dir();
    let place = "temporary files";
    // A file without a name: nothing of it is left, whatever happens.
    if let Err(error) = tempfile::tempfile_in(&folder) {
        let mend = "set TMPDIR to a folder that can be written, with room for what is sorted";
        return vec![Finding::failed(
            place,
            format!("no file can be made in {}: {error}", folder.display()),
            Some(mend.into()),
        )];
    }
    let Some(free) = free(&folder) else {
        return vec![Finding::ok(place, format!("can be made in {}", folder.display()))];
    };
    let what = format!("{}: {} free", folder.display(), shown(free));
    vec![match free < ROOM {
        true => Finding::note(place, what, "free space there, or set TMPDIR: sides out of key order are sorted there"),
        false => Finding::ok(place, what),
    }]
}

fn shown(bytes: u64) -> String {
    match bytes {
        gib if gib >= 1 << 30 => format!("{} GiB", gib >> 30),
        mib => format!("{} MiB", mib >> 20),
    }
}

/// Bytes that this account may still write where a folder is.
#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let room = nix::sys::statvfs::statvfs(folder).ok()?;
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion, reason = "other widths on other systems")]
    let free = u64::from(room.blocks_available()).saturating_mul(u64::from(room.fragment_size()));
    Some(free)
}

#[cfg(not(unix))]
fn free(_: &Path) -> Option<u64> {
    None
}

/// The name of the network filesystem that a file is on, or is to be on; `None` for others, and where it cannot be told.
#[cfg(target_os = "linux")]
pub(super) fn network_filesystem(file: &Path) -> Option<&'static str> {
    use nix::sys::statfs::{FsType, NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, statfs};
    const OTHERS: [(FsType, &str); 5] = [
        (FsType(0xff53_4d42), "CIFS"),
        (FsType(0xfe53_4d42), "SMB2"),
        (FsType(0x00c3_6400), "Ceph"),
        (FsType(0x0102_1997), "9p"),
        (FsType(0x6173_6861), "AFS"),
    ];
    let found = statfs(file).or_else(|_| statfs(file.parent().unwrap_or(Path::new(".")))).ok()?.filesystem_type();
    match found {
        NFS_SUPER_MAGIC => Some("NFS"),
        SMB_SUPER_MAGIC => Some("SMB"),
        other => OTHERS.iter().find(|(magic, _)| *magic == other).map(|(_, name)| *name),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn network_filesystem(_: &Path) -> Option<&'static str> {
    None
}

/// The file of a program: a plain name is looked up in PATH, a path is taken from the project's folder.
pub(super) fn program(name: &str, folder: &Path) -> Option<PathBuf> {
    if Path::new(name).components().count() > 1 {
        return Some(folder.join(name)).filter(|path| is_program(path));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| is_program(path))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use nix::unistd::{AccessFlags, access};
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file() || ["exe", "cmd", "bat"].iter().any(|ending| path.with_extension(ending).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_as_they_will_be_started() {
        assert!(program("sh", Path::new("/nowhere")).is_some());
        assert!(program("no-such-program-of-recon", Path::new("/")).is_none());
        assert!(program("bin/sh", Path::new("/")).is_some());
        assert!(program("./etc/passwd", Path::new("/")).is_none(), "not executable");
    }

    #[test]
    fn sizes_are_whole() {
        assert_eq!((shown(3 << 30), shown(700 << 20)), ("3 GiB".to_owned(), "700 MiB".to_owned()));
    }
}
