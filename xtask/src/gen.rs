//! `cargo xtask gen`: what is generated and committed: the reference, and [Rust for gRPC](grpc).
//!
//! The reference's texts come from the tables in the agent (fields, event types, config keys, limits), printed
//! by its example `reference` into a directory; this verb compares or copies.

mod grpc;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::project;

/// The verb. With `check`, changes nothing and fails if a file is out of date.
pub(crate) fn generate(check: bool) -> Result<()> {
    messages(check)?;
    reference(check)
}

fn messages(check: bool) -> Result<()> {
    for (name, text) in grpc::generated()? {
        let path = project::root().join(&name);
        if fs::read_to_string(&path).is_ok_and(|present| present == text) {
            println!("{} is up to date", name.display());
        } else if check {
            bail!("out of date: {}; run `cargo xtask gen`", name.display());
        } else {
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            println!("wrote {}", path.display());
        }
    }
    Ok(())
}

fn reference(check: bool) -> Result<()> {
    let docs = project::root().join("docs/reference");
    let stale = stale(&read(&docs)?, &generated()?);
    if stale.is_empty() {
        println!("docs/reference is up to date");
        return Ok(());
    }
    if check {
        let names: Vec<String> = stale
            .keys()
            .map(|name| name.display().to_string())
            .collect();
        bail!(
            "out of date in docs/reference: {}; run `cargo xtask gen`",
            names.join(", ")
        );
    }
    fs::create_dir_all(&docs)?;
    for (name, text) in stale {
        let path = docs.join(name);
        match text {
            Some(text) => fs::write(&path, text),
            None => fs::remove_file(&path),
        }
        .with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

type Texts = BTreeMap<PathBuf, String>;

fn generated() -> Result<Texts> {
    let out = tempfile::tempdir()?;
    let dir = out.path();
    let sh = Shell::new()?;
    sh.change_dir(project::root());
    let cargo = project::cargo();
    cmd!(
        sh,
        "{cargo} run --quiet --locked --package komainu --no-default-features --example reference
         -- {dir}"
    )
    .quiet()
    .run()?;
    let texts = read(dir)?;
    if texts.is_empty() {
        bail!("the generator wrote no file");
    }
    Ok(texts)
}

fn read(dir: &Path) -> Result<Texts> {
    let mut texts = Texts::new();
    if !dir.exists() {
        return Ok(texts);
    }
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        texts.insert(
            PathBuf::from(entry.file_name()),
            fs::read_to_string(entry.path())?,
        );
    }
    Ok(texts)
}

/// What has to change: a new text, or `None` for a file that is no longer generated.
fn stale(present: &Texts, wanted: &Texts) -> BTreeMap<PathBuf, Option<String>> {
    let changed = wanted
        .iter()
        .filter(|(name, text)| present.get(*name) != Some(*text))
        .map(|(name, text)| (name.clone(), Some(text.clone())));
    let gone = present
        .keys()
        .filter(|name| !wanted.contains_key(*name))
        .map(|name| (name.clone(), None));
    changed.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pairs: &[(&str, &str)]) -> Texts {
        pairs
            .iter()
            .map(|(name, text)| (PathBuf::from(name), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn changed_missing_and_obsolete_files_are_stale() {
        let present = texts(&[("a.md", "1"), ("b.md", "1"), ("old.md", "1")]);
        let wanted = texts(&[("a.md", "1"), ("b.md", "2"), ("new.md", "1")]);
        let stale = stale(&present, &wanted);
        let names: Vec<&str> = stale.keys().filter_map(|name| name.to_str()).collect();
        assert_eq!(names, ["b.md", "new.md", "old.md"]);
        assert_eq!(stale[Path::new("old.md")], None);
    }
}
