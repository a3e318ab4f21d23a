//! Other rules, or the old ones.

use std::sync::Arc;

use super::super::clock;
use super::super::engine::{self, Files, LoadError, Loaded};
use super::super::nonce::Nonce;
use super::Watch;
use super::setup::KernelFilter;
use crate::config::Config;
use crate::emit::OwnEvent;
use crate::kernel;

/// Why rules are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Somebody said so: what comes of it is told in any case.
    Signal,
    /// Files may have changed: if they say what they said the last time, nothing happens.
    Change,
}

/// What was tried last: the hash of files, or why they could not be read.
pub(super) type Tried = Arc<str>;

/// Rules, or nothing because they are those of the last time; with what is to be remembered.
type Read = (Tried, Option<Result<Loaded, LoadError>>);

/// Reads and compiles, on a thread that may wait.
fn read(config: &Config, canary: Option<Nonce>, cause: Cause, last: &Tried) -> Read {
    let is_old = |tried: &Tried| cause == Cause::Change && tried == last;
    match engine::read(config) {
        // The files are being written: the next change, or look, finds them whole.
        Err(error) if cause == Cause::Change && error.is_unsettled => {
            tracing::debug!(%error, "rules are read later");
            (Arc::clone(last), None)
        }
        Err(error) => {
            let tried: Tried = error.to_string().into();
            let failed = (!is_old(&tried)).then_some(Err(error));
            (tried, failed)
        }
        Ok(files) => {
            let tried = Arc::clone(&files.hash);
            let loaded = (!is_old(&tried)).then(|| Files::compile(files, config, canary));
            (tried, loaded)
        }
    }
}

impl Watch {
    /// Compiles everything anew and swaps it in whole; on any error the old set stays.
    pub(super) async fn reload(&mut self, cause: Cause) {
        let (config, last) = (self.config.clone(), Arc::clone(&self.tried));
        let nonce = self.nonce;
        let reading = move || read(&config, nonce, cause, &last);
        let loaded = match tokio::task::spawn_blocking(reading).await {
            Ok((tried, loaded)) => {
                self.tried = tried;
                match loaded {
                    None => return,
                    Some(loaded) => loaded.map_err(anyhow::Error::from),
                }
            }
            Err(error) => Err(error.into()),
        };
        let swapped = loaded.and_then(|rules| {
            let before = Arc::clone(&self.shared.in_force.load().hash);
            let swapped = self.put_in_force(rules);
            if swapped.is_err() {
                // It was the kernel: with the same files it may go well the next time.
                self.tried = before;
            }
            swapped
        });
        let rules_hash = self.shared.in_force.load().hash.to_string();
        let (event, error) = match swapped {
            Ok(rules) => {
                tracing::info!(rules, rules_hash, "reloaded the rules");
                (OwnEvent::Reloaded { rules, rules_hash }, None)
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(error, "cannot reload the rules, the old ones stay in force");
                let told = error.clone();
                (OwnEvent::ReloadFailed { error, rules_hash }, Some(told))
            }
        };
        self.shared.board.reloaded(clock::now(), error);
        kernel::give_back();
        self.tell(event).await;
    }

    fn put_in_force(&mut self, rules: Loaded) -> anyhow::Result<usize> {
        let audit = self.config.kernel.audit_filter;
        let mut filter = KernelFilter::new(&mut self.kernel, audit, self.govern.shed());
        Ok(engine::put_in_force(
            &self.shared.in_force,
            rules,
            &mut filter,
        )?)
    }
}
