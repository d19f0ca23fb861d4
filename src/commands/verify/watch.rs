//! Watching, while both sides compute, whether the cycle is still this run's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::stores::Progress;

/// How often it is looked.
const WATCH: Duration = Duration::from_millis(250);

/// Stops both sides when the cycle is another run's.
pub(super) struct Watch(Arc<AtomicBool>);

impl Watch {
    pub(super) fn start(lost: Arc<AtomicBool>, sides: [Arc<Progress>; 2]) -> Watch {
        let done = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&done);
        std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                if lost.load(Ordering::Acquire) {
                    sides.iter().for_each(|side| side.stop.store(true, Ordering::Relaxed));
                    return;
                }
                std::thread::sleep(WATCH);
            }
        });
        Watch(done)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
