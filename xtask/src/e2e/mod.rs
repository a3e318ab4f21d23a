//! `cargo xtask e2e`: what asks the API server, against a real one.
//!
//! etcd and kube-apiserver are given by path: no registry has them. Pods are made through the API, without
//! a kubelet; the rights are those of `deploy/manifests/rbac.yaml` and no others.

mod api;
mod cluster;
mod story;
mod told;

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::project;
use crate::steps::{Outcome, Steps};

const VARIABLE: &str = "KOMAINU_E2E_BIN";
/// Programs that are taken from the machine.
const HOST: [&str; 2] = ["curl", "openssl"];

/// Options of the verb.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Directory with the programs etcd and kube-apiserver; else `KOMAINU_E2E_BIN`. etcd may be the machine's.
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
    /// Succeed where the programs are not given.
    #[arg(long)]
    optional: bool,
}

/// The servers' programs.
#[derive(Debug)]
pub(crate) struct Programs {
    etcd: PathBuf,
    apiserver: PathBuf,
}

/// The verb.
pub(crate) fn e2e(options: &Options) -> Result<()> {
    let given = options
        .bin_dir
        .clone()
        .or_else(|| env::var_os(VARIABLE).map(PathBuf::from));
    let programs = match find(given.as_deref()) {
        Ok(programs) => programs,
        Err(missing) if options.optional => {
            println!("left out: {missing}");
            return Ok(());
        }
        Err(missing) => bail!("{missing}; with --optional that is no error"),
    };
    let mut steps = Steps::default();
    let mut example = None;
    steps.run("build", || {
        example = Some(told::build()?);
        Ok(Outcome::Passed)
    });
    if let Some(example) = example {
        story::tell(&mut steps, &programs, &example)?;
    }
    steps.summary();
    steps.into_result()
}

/// The programs, or one sentence on what is missing.
fn find(given: Option<&Path>) -> Result<Programs, String> {
    let Some(dir) = given else {
        return Err(format!(
            "no etcd and kube-apiserver given: --bin-dir or {VARIABLE} names their directory"
        ));
    };
    if let Some(name) = HOST.iter().find(|name| on_path(name).is_none()) {
        return Err(format!("{name} is not installed"));
    }
    let own = |name: &str| Some(dir.join(name)).filter(|path| path.is_file());
    let apiserver = own("kube-apiserver");
    let etcd = own("etcd").or_else(|| on_path("etcd"));
    match (etcd, apiserver) {
        (Some(etcd), Some(apiserver)) => Ok(Programs { etcd, apiserver }),
        (None, _) => Err(format!("no etcd in {}", dir.display())),
        (_, None) => Err(format!("no kube-apiserver in {}", dir.display())),
    }
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// The manifest of the account and its rights, one document after the other.
fn rights() -> Result<Vec<String>> {
    let dir = project::root().join("deploy/manifests");
    let mut documents = Vec::new();
    for file in ["00-namespace.yaml", "rbac.yaml"] {
        let text = std::fs::read_to_string(dir.join(file))?;
        documents.extend(text.split("\n---\n").map(str::to_owned));
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told() {
        assert!(find(None).unwrap_err().contains(VARIABLE));
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("etcd"), "").unwrap();
        let missing = find(Some(dir.path())).unwrap_err();
        assert!(missing.contains("no kube-apiserver") || missing.contains("not installed"));
        let nowhere = Options {
            bin_dir: Some(dir.path().to_owned()),
            optional: true,
        };
        e2e(&nowhere).unwrap();
        let asked_for = Options {
            optional: false,
            ..nowhere
        };
        assert!(e2e(&asked_for).is_err());
    }

    #[test]
    fn the_manifest_is_read_document_by_document() {
        let kinds: Vec<String> = rights()
            .unwrap()
            .iter()
            .filter_map(|text| {
                text.lines()
                    .find_map(|line| line.strip_prefix("kind: "))
                    .map(str::to_owned)
            })
            .collect();
        assert_eq!(
            kinds,
            [
                "Namespace",
                "ServiceAccount",
                "ClusterRole",
                "ClusterRoleBinding"
            ]
        );
    }
}
