//! What an earlier set-up found.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::project;

/// Result of a set-up that went through to its end.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Stamp {
    /// What was asked for: versions and settings. Another key means another set-up.
    key: String,
    /// Files that were there.
    files: Vec<PathBuf>,
    /// What the caller wants to know again.
    pub(super) notes: String,
}

/// The stamp of `set`, if it is for `key` and everything it names is still there.
pub(super) fn read(set: &str, key: &str) -> Option<Stamp> {
    let text = fs::read(path(set).ok()?).ok()?;
    let stamp: Stamp = serde_json::from_slice(&text).ok()?;
    (stamp.key == key && stamp.files.iter().all(|file| file.exists())).then_some(stamp)
}

/// Writes the stamp of `set`; to be called when everything is in place, never earlier.
pub(super) fn write(set: &str, key: &str, files: Vec<PathBuf>, notes: String) -> Result<()> {
    let path = path(set)?;
    let stamp = Stamp {
        key: key.to_owned(),
        files,
        notes,
    };
    fs::write(&path, serde_json::to_vec_pretty(&stamp)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn path(set: &str) -> Result<PathBuf> {
    Ok(project::scratch()?.join(format!("setup-{set}.json")))
}
