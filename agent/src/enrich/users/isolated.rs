//! Work that may hang for as long as somebody else wants.

use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// Threads that may hang at a time; nothing is begun while as many do.
const MAX_HANGING: usize = 4;

/// Does each piece of work on a thread of its own and goes on without those that hang.
#[derive(Debug, Default)]
pub(super) struct Isolated {
    hanging: Vec<JoinHandle<()>>,
}

impl Isolated {
    /// The result; `None` where it takes too long, or too many hang already.
    pub(super) fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        self.hanging.retain(|thread| !thread.is_finished());
        if self.hanging.len() >= MAX_HANGING {
            return None;
        }
        let (tell, told) = sync_channel(1);
        let run = move || drop(tell.send(work()));
        let named = thread::Builder::new().name("komainu-names".into());
        let thread = named.spawn(run).ok()?;
        let result = told.recv_timeout(PATIENCE).ok();
        if result.is_none() {
            self.hanging.push(thread);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Barrier};

    use super::*;

    #[test]
    fn who_hangs_holds_up_nobody_for_long() {
        let mut isolated = Isolated::default();
        assert_eq!(isolated.run(|| 7), Some(7));
        let barrier = Arc::new(Barrier::new(MAX_HANGING + 1));
        for _ in 0..MAX_HANGING {
            let barrier = Arc::clone(&barrier);
            assert!(isolated.run(move || barrier.wait()).is_none());
        }
        assert_eq!(isolated.run(|| 7), None, "as many hang as may");
        barrier.wait();
        while isolated.hanging.iter().any(|thread| !thread.is_finished()) {
            thread::yield_now();
        }
        assert_eq!(isolated.run(|| 8), Some(8));
    }
}
