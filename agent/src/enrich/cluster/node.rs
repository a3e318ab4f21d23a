//! The labels of this node, if they may be read.

use std::time::Duration;

use hyper::Request;
use kube::core::params::GetParams;
use tokio::time::sleep;

use super::Times;
use super::answer::{Failure, MAX_EVENT, ask, whole};
use super::backoff::Backoff;
use super::desk::Desk;
use super::labels::bounded;
use super::link::Link;
use super::object::Named;
use crate::event::Labels;

/// Looks now and then until nobody listens. They change seldom, and `watch` would be a right more.
pub(super) async fn look(link: &Link, times: &Times, desk: &Desk, node: &str) {
    let mut backoff = Backoff::new(times.pace);
    let mut told = false;
    loop {
        let labels = labels(link, times, node).await;
        let (known, pause) = match labels {
            Ok(labels) => (Some(labels), later(times, &mut backoff)),
            Err(why) if why.is_refusal() => {
                if !std::mem::replace(&mut told, true) {
                    tracing::debug!(%why, "the node's labels may not be read, so they are left out");
                }
                (Some(Labels::new()), later(times, &mut backoff))
            }
            Err(Failure::Status { code: 404, .. }) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(node, "the API server knows no node of this name");
                }
                (Some(Labels::new()), later(times, &mut backoff))
            }
            Err(why) => {
                tracing::debug!(%why, "the node's labels could not be read");
                (None, backoff.next(why.after()))
            }
        };
        if let Some(labels) = known
            && desk
                .update(|book| book.set_node_labels(labels))
                .await
                .is_err()
        {
            return;
        }
        sleep(pause).await;
    }
}

fn later(times: &Times, backoff: &mut Backoff) -> Duration {
    backoff.reset();
    times.node.mul_f64(0.75 + fastrand::f64() / 2.0)
}

async fn labels(link: &Link, times: &Times, node: &str) -> Result<Labels, Failure> {
    let request: Request<Vec<u8>> = kube::core::Request::new("/api/v1/nodes")
        .get_metadata(node, &GetParams::any())
        .map_err(|error| Failure::malformed(&error))?;
    let body = ask(link, request, times.answer).await?;
    let bytes = whole(body, MAX_EVENT, times.list).await?;
    let node: Named = serde_json::from_slice(&bytes).map_err(|error| Failure::malformed(&error))?;
    Ok(bounded(node.metadata.labels))
}
