//! Which process holds a lease, and whether it is certainly gone. A doubt is always "not gone": then the lease has to
//! run out.

/// A process of a machine, so that another on the same machine can tell when it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The host's name, for people.
    pub host: String,
    /// Where process numbers mean the same: this boot and this process namespace. `None` when not known.
    pub machine: Option<String>,
    /// The process number there.
    pub pid: u32,
    /// When it started, as the system counts it: tells it from a later process of the same number.
    pub started: String,
}

impl Process {
    /// This process.
    pub fn current() -> Process {
        let pid = std::process::id();
        let started = stat(pid).map(|stat| stat.started);
        Process {
            host: host(),
            // Without a start time a number that was given out again could not be told.
            machine: started.as_ref().and_then(|_| machine()),
            pid,
            started: started.unwrap_or_default(),
        }
    }

    /// Whether this process is certainly gone, as seen from `here`.
    pub(super) fn is_gone(&self, here: &Process) -> bool {
        if self.machine.is_none() || self.machine != here.machine {
            return false;
        }
        if !number_is_taken(self.pid) {
            return true;
        }
        // A zombie has ended: nobody has asked for its exit code yet.
        stat(self.pid).is_some_and(|stat| stat.started != self.started || matches!(stat.state, 'Z' | 'X'))
    }
}

#[cfg(unix)]
fn host() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown host".to_owned())
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "unknown host".to_owned())
}

/// Containers of one host share its boot but not their process numbers.
fn machine() -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), namespace.display()))
}

#[cfg(unix)]
fn number_is_taken(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else { return true };
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH)
}

#[cfg(not(unix))]
fn number_is_taken(_pid: u32) -> bool {
    true
}

struct Stat {
    state: char,
    started: String,
}

/// `/proc/PID/stat`: the state is field 3, the start in ticks since boot field 22. The name in parentheses before
/// them may hold anything.
fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let started = fields.nth(18)?.to_owned();
    Some(Stat { state, started })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_gone_when_it_ended_and_not_before() {
        let here = Process::current();
        assert!(!here.is_gone(&here));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("a process");
        let started = stat(child.id()).expect("its state").started;
        let other = Process { pid: child.id(), started, ..here.clone() };
        assert!(!other.is_gone(&here));
        child.kill().expect("killed");
        while stat(child.id()).is_some_and(|stat| stat.state != 'Z') {
            std::thread::yield_now();
        }
        assert!(other.is_gone(&here), "a zombie has ended");
        child.wait().expect("ended");
        assert!(other.is_gone(&here));
    }

    #[test]
    fn what_cannot_be_known_is_not_gone() {
        let here = Process::current();
        let recycled = Process { started: "1".into(), ..here.clone() };
        assert!(recycled.is_gone(&here), "the number belongs to another process now");
        let elsewhere = Process { machine: Some("another boot".into()), ..recycled.clone() };
        assert!(!elsewhere.is_gone(&here));
        let nowhere = Process { machine: None, ..recycled };
        assert!(!nowhere.is_gone(&Process { machine: None, ..here }));
    }
}
