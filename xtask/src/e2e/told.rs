//! The example `cluster`, which asks as the agent does, and what it has told.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use xshell::{Shell, cmd};

use super::cluster::Cluster;
use crate::project;

/// The node whose pods are asked for.
pub(super) const NODE: &str = "e2e-node";
/// How long news is waited for. A watch that is lost without a word costs a pause of half a minute.
const PATIENCE: Duration = Duration::from_secs(90);
/// Lines that wait at most.
const LINES: usize = 1024;

/// Builds the example; gives its path.
pub(super) fn build() -> Result<PathBuf> {
    let sh = Shell::new()?;
    sh.change_dir(project::root());
    let cargo = project::cargo();
    cmd!(
        sh,
        "{cargo} build --quiet --locked --package komainu --no-default-features --features kube
         --example cluster"
    )
    .quiet()
    .run()?;
    Ok(project::target().join("debug/examples/cluster"))
}

/// A running one; ends with this value.
#[derive(Debug)]
pub(super) struct Told {
    child: Child,
    lines: Receiver<Value>,
    token: PathBuf,
    log: PathBuf,
    /// By uid.
    pods: BTreeMap<String, Value>,
    /// `up`, `down` and so on.
    reach: String,
}

impl Told {
    /// Starts it with the configuration of an agent in that cluster. It has no token yet.
    pub(super) fn start(program: &Path, cluster: &Cluster<'_>) -> Result<Self> {
        let dir = cluster.dir();
        let (token, log) = (dir.join("token"), dir.join("told.log"));
        let kubeconfig = dir.join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: e2e\n\
             clusters: [{{name: e2e, cluster: {{server: '{}', certificate-authority: '{}'}}}}]\n\
             users: [{{name: e2e, user: {{tokenFile: '{}'}}}}]\n\
             contexts: [{{name: e2e, context: {{cluster: e2e, user: e2e}}}}]\n",
            cluster.url(),
            cluster.authority().display(),
            token.display(),
        );
        fs::write(&kubeconfig, text)?;
        let config = dir.join("komainu.yaml");
        let text = format!(
            "kubernetes: {{kubeconfig: '{}', node: {NODE}}}\n",
            kubeconfig.display()
        );
        fs::write(&config, text)?;
        let mut child = Command::new(program)
            .arg(config)
            .env("RUST_LOG", "komainu=debug")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let stdout = child.stdout.take().context("no stdout")?;
        let (send, lines) = sync_channel(LINES);
        thread::spawn(move || {
            let texts = BufReader::new(stdout).lines().map_while(Result::ok);
            for line in texts.filter_map(|text| serde_json::from_str(&text).ok()) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            lines,
            token,
            log,
            pods: BTreeMap::new(),
            reach: String::new(),
        })
    }

    /// Gives it a token, instead of the one it may have.
    pub(super) fn give(&self, token: &str) -> Result<()> {
        Ok(fs::write(&self.token, token)?)
    }

    /// Stops it for a while, or has it go on.
    pub(super) fn freeze(&self, on: bool) -> Result<()> {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .context("no pid")?;
        Ok(kill_process(
            pid,
            if on { Signal::STOP } else { Signal::CONT },
        )?)
    }

    /// The pod of this name.
    pub(super) fn pod(&self, name: &str) -> Option<&Value> {
        self.pods.values().find(|pod| pod["name"] == name)
    }

    /// The reach told last.
    pub(super) fn reach(&self) -> &str {
        &self.reach
    }

    /// Takes lines until `holds`.
    pub(super) fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while !holds(self) {
            match self
                .lines
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.take(&line),
                Err(RecvTimeoutError::Timeout) => {
                    bail!(
                        "{what}: not told within {PATIENCE:?}; {:?}, {:?}\n{}",
                        self.reach,
                        self.pods,
                        self.tail()
                    )
                }
                Err(RecvTimeoutError::Disconnected) => bail!("{what}: it ended\n{}", self.tail()),
            }
        }
        Ok(())
    }

    fn take(&mut self, line: &Value) {
        if let Some(reach) = line["reach"].as_str() {
            reach.clone_into(&mut self.reach);
        }
        if let Some(uid) = line["gone"].as_str() {
            self.pods.remove(uid);
        }
        if let Some(uid) = line["pod"]["uid"].as_str() {
            self.pods.insert(uid.to_owned(), line["pod"].clone());
        }
    }

    fn tail(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
