//! Locks of data that a panic elsewhere leaves whole, so that nobody has to give up because of one.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks it. For what each holder changes in one step, or only replaces: whoever panicked while holding it left nothing half
/// done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_holder_is_not_passed_on() {
        let mutex = Mutex::new(7);
        let panicked = std::thread::scope(|scope| {
            let hold = scope.spawn(|| {
                let _held = lock(&mutex);
                panic!("while holding it");
            });
            hold.join().is_err()
        });
        assert!(panicked && mutex.is_poisoned());
        assert_eq!(*lock(&mutex), 7);
    }
}
