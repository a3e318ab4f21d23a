//! The endpoint: whether there is one, and where it looks.

#[cfg(feature = "http")]
mod answers;

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use super::board::Board;
use super::engine::InForce;
use super::identity::Inquired;
use super::report::Ask;
use crate::config::Config;

/// Where the endpoint looks.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "http"),
    expect(dead_code, reason = "this build has no endpoint")
)]
pub(super) struct Sources {
    pub(super) board: Arc<Board>,
    pub(super) in_force: Arc<ArcSwap<InForce>>,
    pub(super) inquired: Arc<Inquired>,
    pub(super) kernel: mpsc::Sender<Ask>,
}

/// Listens if that is configured.
#[cfg(feature = "http")]
pub(super) async fn start(config: &Config, sources: Sources) -> anyhow::Result<()> {
    match config.http.listen.0 {
        Some(address) => answers::serve(address, sources).await,
        None => Ok(()),
    }
}

/// Refuses what this build cannot do.
#[cfg(not(feature = "http"))]
#[expect(clippy::unused_async, reason = "the other build waits for its address")]
pub(super) async fn start(config: &Config, _: Sources) -> anyhow::Result<()> {
    anyhow::ensure!(
        config.http.listen.0.is_none(),
        "http.listen is configured, and this build was made without the feature `http`"
    );
    Ok(())
}
