//! What the endpoint answers: the board, looked at when somebody asks.
//!
//! What the kernel half counts is read for a scrape and not otherwise, by the task that owns it. However often somebody
//! scrapes, a page is made once a second.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use tokio::sync::{Mutex, oneshot};
use tokio::time::{Instant, timeout};

use super::super::board::Stage;
use super::super::figures::{self, Facts, Own};
use super::super::report::KernelReport;
use super::super::{clock, health};
use super::Sources;
use crate::http::{self, Answers, Limits, Served, Verdict};
use crate::metrics::Format;

/// How old a page may be.
const FRESH: Duration = Duration::from_secs(1);
/// Longest that the kernel half is waited for; then the page has what it told last. Rules are compiled meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// Listens there.
pub(super) async fn serve(address: SocketAddr, sources: Sources) -> anyhow::Result<()> {
    let listener = http::bind(address)
        .await
        .with_context(|| format!("cannot listen at {address} (http.listen)"))?;
    tracing::info!(%address, "serving /metrics, /healthz and /readyz");
    let served = Arc::new(Served::default());
    let endpoint = Endpoint {
        sources,
        served: Arc::clone(&served),
        pages: Mutex::default(),
    };
    tokio::spawn(http::serve(
        listener,
        Arc::new(endpoint),
        served,
        Limits::default(),
    ));
    Ok(())
}

struct Endpoint {
    sources: Sources,
    served: Arc<Served>,
    /// Held while a page is made: whoever asks meanwhile gets the same.
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    kernel: KernelReport,
    made: Vec<(Format, Instant, Bytes)>,
}

impl Answers for Endpoint {
    async fn metrics(&self, format: Format) -> Bytes {
        let mut pages = self.pages.lock().await;
        pages.made.retain(|(_, made, _)| made.elapsed() < FRESH);
        if let Some((.., page)) = pages.made.iter().find(|(of, ..)| *of == format) {
            return page.clone();
        }
        if let Some(report) = self.ask().await {
            pages.kernel = report;
        }
        let page = Bytes::from(self.page(format, &pages.kernel));
        pages.made.push((format, Instant::now(), page.clone()));
        page
    }

    fn health(&self) -> Verdict {
        verdict(&health::health(&self.sources.board, clock::boot()))
    }

    fn readiness(&self) -> Verdict {
        verdict(&self.checks())
    }
}

impl Endpoint {
    /// Nobody answers while the agent starts or stops.
    async fn ask(&self) -> Option<KernelReport> {
        if self.sources.board.stage() != Stage::Watching {
            return None;
        }
        let (tell, told) = oneshot::channel();
        self.sources.kernel.try_send(tell).ok()?;
        timeout(PATIENCE, told).await.ok()?.ok()
    }

    fn checks(&self) -> Vec<health::Check> {
        let Sources {
            board, in_force, ..
        } = &self.sources;
        health::readiness(board, &in_force.load(), clock::boot())
    }

    fn page(&self, format: Format, kernel: &KernelReport) -> String {
        let Sources {
            board,
            in_force,
            inquired,
            ..
        } = &self.sources;
        let boot = clock::boot();
        let facts = Facts {
            board,
            in_force: &in_force.load(),
            kernel,
            inquiries: [inquired.runtime.counts(), inquired.cluster.counts()],
            served: &self.served,
            own: Own::now(),
            is_ready: health::all_hold(&self.checks()),
            is_healthy: health::all_hold(&health::health(board, boot)),
            boot,
        };
        figures::page(format, &facts)
    }
}

fn verdict(checks: &[health::Check]) -> Verdict {
    Verdict {
        ok: health::all_hold(checks),
        body: health::body(checks),
    }
}
