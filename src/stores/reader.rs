//! A source on its own thread: it lives there, opens there and reads there; whoever wants the records only sees
//! batches. Must not know what they are wanted for.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, Sender, channel as unbounded};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::domain::{Batch, Filter, Rules, Value};

use super::{Opened, Outlet, Progress, ReadEnd, ReadRequest, Received, Source, Stop, StoreError, Wish, channel};

/// Makes a source; called once for each connection that is wanted.
pub type MakeSource = Arc<dyn Fn() -> Result<Box<dyn Source>, StoreError> + Send + Sync>;

/// Bytes of stack: planning a long SQL goes deep. Only what is used is taken.
const STACK: usize = 64 << 20;

/// Threads whose source has closed, waiting for the next: starting one costs more than reading a small input, and cases
/// are small inputs by the thousand.
static WAITING: Mutex<Vec<Sender<Work>>> = Mutex::new(Vec::new());

/// Threads that wait at most.
const MOST_WAITING: usize = 16;

type Work = Box<dyn FnOnce() + Send>;

/// Longest wait for a source to close.
const CLOSING: Duration = Duration::from_secs(5);

enum Command {
    Read { requests: Vec<ReadRequest>, outlet: Box<Outlet> },
    Boundaries { key: String, filter: Option<Filter>, parts: usize, reply: Sender<Result<Vec<Value>, StoreError>> },
}

/// A source at work on its own thread.
pub struct Reader {
    commands: Option<Sender<Command>>,
    /// Closes when the source has closed.
    ended: Receiver<()>,
    opened: Receiver<Result<Opened, StoreError>>,
    progress: Arc<Progress>,
}

impl Reader {
    /// Starts the thread and lets it open its source.
    pub fn start(make: MakeSource, wish: Wish, progress: Arc<Progress>) -> Self {
        let (commands, inbox) = unbounded();
        let (tell, opened) = unbounded();
        let (alive, ended) = unbounded::<()>();
        let work = move || {
            let _alive = alive;
            let mut source = match make() {
                Ok(source) => source,
                Err(error) => {
                    let _ = tell.send(Err(error));
                    return;
                }
            };
            let answer = source.open(&wish);
            let failed = answer.is_err();
            if tell.send(answer).is_err() || failed {
                return;
            }
            serve(source.as_mut(), &inbox);
        };
        // Without its thread nobody answers, and whoever waits for an answer is told so.
        let _ = on_a_thread(Box::new(work));
        Reader { commands: Some(commands), ended, opened, progress }
    }

    /// Waits until the source has opened.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn opened(&self) -> Result<Opened, StoreError> {
        self.opened.recv().unwrap_or_else(|_| Err(vanished()))
    }

    /// Starts reading. The records arrive at the receiver; emptied batches go back through the sender.
    pub fn begin(
        &self,
        requests: Vec<ReadRequest>,
        rules: &Rules,
        filter_here: Option<&Filter>,
        sort_memory: Option<usize>,
    ) -> (Receiver<Received>, Sender<Batch>) {
        let Some(request) = requests.first() else { return (unbounded().1, unbounded().0) };
        let (outlet, receiver, give_back) =
            channel(request, rules, Arc::clone(&self.progress), filter_here, sort_memory);
        // If the thread is gone, whoever receives finds the channel closed and says so.
        if let Some(commands) = &self.commands {
            let _ = commands.send(Command::Read { requests, outlet: Box::new(outlet) });
        }
        (receiver, give_back)
    }

    /// Asks for key values that cut the records into ranges.
    ///
    /// # Errors
    /// As [`Source::boundaries`].
    pub fn boundaries(&self, key: &str, filter: Option<&Filter>, parts: usize) -> Result<Vec<Value>, StoreError> {
        let (reply, answer) = unbounded();
        if let Some(commands) = &self.commands {
            let _ = commands.send(Command::Boundaries { key: key.to_owned(), filter: filter.cloned(), parts, reply });
        }
        answer.recv().unwrap_or_else(|_| Err(vanished()))
    }
}

impl Drop for Reader {
    /// Waits for the source to close its connection in good order, but not for a server that no longer answers.
    fn drop(&mut self) {
        self.commands = None;
        let _: Result<(), RecvTimeoutError> = self.ended.recv_timeout(CLOSING);
    }
}

/// Lets a thread that waits do the work, or a new one.
///
/// # Errors
/// When the system gives no thread.
fn on_a_thread(work: Work) -> std::io::Result<()> {
    let waiting = WAITING.lock().ok().and_then(|mut waiting| waiting.pop());
    let work = match waiting {
        Some(thread) => match thread.send(work) {
            Ok(()) => return Ok(()),
            Err(SendError(work)) => work,
        },
        None => work,
    };
    let (own, next) = unbounded::<Work>();
    let live = move || {
        work();
        loop {
            match WAITING.lock() {
                Ok(mut waiting) if waiting.len() < MOST_WAITING => waiting.push(own.clone()),
                _ => return,
            }
            let Ok(work) = next.recv() else { return };
            work();
        }
    };
    std::thread::Builder::new().name("reader".into()).stack_size(STACK).spawn(live).map(drop)
}

fn vanished() -> StoreError {
    StoreError::failed("the reader of this side ended unexpectedly; this is a fault of recon")
}

fn serve(source: &mut dyn Source, inbox: &Receiver<Command>) {
    while let Ok(command) = inbox.recv() {
        match command {
            Command::Read { requests, mut outlet } => {
                let end = read_all(source, &requests, &mut outlet);
                outlet.finish(end);
            }
            Command::Boundaries { key, filter, parts, reply } => {
                let _ = reply.send(source.boundaries(&key, filter.as_ref(), parts));
            }
        }
    }
}

/// Reads one range of keys after the other into the same stream.
fn read_all(source: &mut dyn Source, requests: &[ReadRequest], outlet: &mut Outlet) -> Result<ReadEnd, StoreError> {
    let mut all = ReadEnd::default();
    for request in requests {
        let end = source.read(request, outlet)?;
        outlet.flush().map_err(|stop: Stop| StoreError::from(stop))?;
        all.other_fields_cut |= end.other_fields_cut;
        for field in end.other_fields {
            if !all.other_fields.contains(&field) {
                all.other_fields.push(field);
            }
        }
    }
    Ok(all)
}
