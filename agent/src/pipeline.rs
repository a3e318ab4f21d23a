//! The whole agent, from top to bottom. The only place that makes threads, tasks and channels.
//!
//! ```text
//!  rings ─► decide (thread) ──bounded──► sinks (a task each) ─► stdout, …
//!            ▲   │ ▲ │ ▲
//!    rules ──┘   │ │ │ └─notices── identity (task) ◄─ runtime, API server (tasks)
//!  (swapped)     │ │ └──asked───────►┘
//!                │ └─notices── scan (thread) ◄─ /proc
//!                └──wanted───────►┘
//! ```
//!
//! Records of a container that nobody has told of yet are put aside ([`hold`]) until somebody does.
//!
//! The deciding thread waits for the rings only. Everything that can be slow hangs off it by
//! bounded channels that it never blocks on.

#[cfg(any(feature = "ebpf", test))]
#[cfg_attr(
    not(all(feature = "ebpf", feature = "http")),
    allow(dead_code, reason = "who looks at it is not in this build")
)]
mod board;
#[cfg(any(feature = "ebpf", test))]
mod canary;
#[cfg(any(feature = "ebpf", test))]
mod clock;
#[cfg(feature = "kube")]
pub mod cluster;
#[cfg(any(feature = "ebpf", test))]
mod cost;
#[cfg(any(feature = "ebpf", all(feature = "http", test)))]
mod cpu;
#[cfg(any(feature = "ebpf", test))]
mod decide;
#[cfg(feature = "ebpf")]
mod endpoint;
#[cfg(any(feature = "ebpf", test))]
mod engine;
#[cfg(all(feature = "http", any(feature = "ebpf", test)))]
mod figures;
#[cfg(any(feature = "ebpf", test))]
mod governor;
#[cfg(any(feature = "ebpf", test))]
mod health;
#[cfg(any(feature = "ebpf", test))]
mod hold;
#[cfg(feature = "ebpf")]
mod identity;
#[cfg(any(feature = "ebpf", test))]
mod losses;
#[cfg(feature = "ebpf")]
mod names;
#[cfg(any(feature = "ebpf", feature = "kube"))]
mod node;
pub mod nonce;
#[cfg(any(feature = "ebpf", all(feature = "http", test)))]
mod report;
pub mod rule_files;
#[cfg(any(feature = "ebpf", test))]
mod rules_watch;
#[cfg(all(feature = "kube", any(feature = "ebpf", test)))]
mod runtime;
#[cfg(feature = "ebpf")]
mod scan;
#[cfg(feature = "ebpf")]
mod sinks;
#[cfg(feature = "ebpf")]
mod stream;
#[cfg(any(feature = "ebpf", test))]
mod unknown;
#[cfg(any(feature = "ebpf", test))]
mod verdict;
#[cfg(feature = "ebpf")]
mod watch;

use crate::config::Config;
#[cfg(feature = "ebpf")]
use crate::privileges::{self, Duty};

/// This build was made without the feature `ebpf`.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this build has no kernel half: it was made without the feature `ebpf`")]
pub struct NoKernelHalf;

/// Watches this machine until SIGTERM or SIGINT.
#[cfg(not(feature = "ebpf"))]
pub fn run(_: Config) -> anyhow::Result<()> {
    Err(NoKernelHalf.into())
}

/// Watches this machine until SIGTERM or SIGINT.
#[cfg(feature = "ebpf")]
pub fn run(config: Config) -> anyhow::Result<()> {
    // Before any thread gives up what making directories needs.
    sinks::prepare(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("komainu-async")
        .on_thread_start(|| privileges::confine_or_say(Duty::Serve))
        .enable_all()
        .build()?;
    let done = runtime.block_on(watch::watch(config));
    // A write to a reader that stalls cannot be cancelled; it must not keep the process alive.
    runtime.shutdown_background();
    done
}
