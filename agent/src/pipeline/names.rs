//! The thread that reads the users and groups of containers.

use std::sync::mpsc::{Receiver, SyncSender};

use super::decide::Notice;
use crate::enrich::users::{Question, Reader};
use crate::kernel::Waker;

/// Answers questions until nobody asks or listens any more.
pub(super) fn run(
    mut reader: Reader,
    questions: &Receiver<Question>,
    notices: &SyncSender<Notice>,
    waker: &Waker,
) {
    for question in questions {
        let container = question.container.clone();
        let answer = reader.answer(question);
        if notices.send(Notice::Names(container, answer)).is_err() {
            return;
        }
        waker.wake();
    }
}
