//! How often a source was asked, and how often in vain.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one source, shared by who asks and who tells.
#[derive(Debug, Default)]
pub struct Inquiries {
    requests: AtomicU64,
    errors: AtomicU64,
}

impl Inquiries {
    /// Counts a question by what came of it, and passes that on.
    pub fn count<T, E>(&self, answer: Result<T, E>) -> Result<T, E> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if answer.is_err() {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    /// Questions, and those that failed.
    pub fn counts(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.requests), read(&self.errors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_failures() {
        let inquiries = Inquiries::default();
        assert_eq!(inquiries.count::<_, ()>(Ok(1)), Ok(1));
        assert_eq!(inquiries.count::<(), _>(Err("no")), Err("no"));
        assert_eq!(inquiries.counts(), (2, 1));
    }
}
