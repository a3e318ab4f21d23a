//! Where those who ask meet: one book, one way out, in order.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::sync::{Mutex, Notify};
use tokio::time::sleep;

use super::book::Book;
use crate::enrich::identity::News;

/// Nobody takes news any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed;

/// The book and the way out.
#[derive(Debug)]
pub(super) struct Desk {
    book: Mutex<Book>,
    news: Sender<News>,
    listed: Notify,
}

impl Desk {
    pub(super) fn new(book: Book, news: Sender<News>) -> Self {
        Self {
            book: Mutex::new(book),
            news,
            listed: Notify::new(),
        }
    }

    /// Changes the book and tells what follows. The book stays locked meanwhile, so that news leave in
    /// the order of the changes.
    pub(super) async fn update(&self, change: impl FnOnce(&mut Book)) -> Result<(), Closed> {
        let mut book = self.book.lock().await;
        change(&mut book);
        while let Some(news) = book.next_news() {
            self.news.send(news).await.map_err(|_| Closed)?;
        }
        Ok(())
    }

    /// The first list of pods, or another one, is complete.
    pub(super) fn pods_are_listed(&self) {
        self.listed.notify_one();
    }

    /// Ends the wait for labels a while after the first list of pods.
    pub(super) async fn open_after(&self, grace: Duration) -> Result<(), Closed> {
        self.listed.notified().await;
        sleep(grace).await;
        self.update(Book::open).await
    }

    /// Waits until nobody takes news any more.
    pub(super) async fn closed(&self) {
        self.news.closed().await;
    }
}
