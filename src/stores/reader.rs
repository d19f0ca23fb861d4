//! A source on its own thread: it lives there, opens there and reads there; whoever wants the records only sees
//! batches. Must not know what they are wanted for.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel as unbounded};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::domain::{Batch, Filter, Rules, Value};

use super::{Opened, Outlet, Progress, ReadEnd, ReadRequest, Received, Source, Stop, StoreError, Wish, channel};

/// Makes a source; called once for each connection that is wanted.
pub type MakeSource = Arc<dyn Fn() -> Result<Box<dyn Source>, StoreError> + Send + Sync>;

/// Bytes of stack: planning a long SQL goes deep. Only what is used is taken.
const STACK: usize = 64 << 20;

/// Longest wait for a source to close.
const CLOSING: Duration = Duration::from_secs(5);

enum Command {
    Read { requests: Vec<ReadRequest>, outlet: Box<Outlet> },
    Boundaries { key: String, filter: Option<Filter>, parts: usize, reply: Sender<Result<Vec<Value>, StoreError>> },
}

/// A source at work on its own thread.
pub struct Reader {
    commands: Option<Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    /// Closes when the thread ends.
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
        let started = std::thread::Builder::new().name("reader".into()).stack_size(STACK).spawn(move || {
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
        });
        // Without its thread nobody answers, and whoever waits for an answer is told so.
        Reader { commands: Some(commands), thread: started.ok(), ended, opened, progress }
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
        let ended = self.ended.recv_timeout(CLOSING) == Err(RecvTimeoutError::Disconnected);
        if let Some(thread) = self.thread.take().filter(|_| ended) {
            let _ = thread.join();
        }
    }
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
