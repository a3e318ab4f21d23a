//! redis, where `cargo xtask setup --bench` or somebody else installed it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::Load;

const SERVER: &str = "redis-server";
const CLIENT: &str = "redis-benchmark";
/// Longest that the server may take to listen.
const START: Duration = Duration::from_secs(5);

/// `SET` from several connections. One operation is one request.
#[derive(Debug)]
pub(super) struct Redis {
    server: Child,
    socket: PathBuf,
}

impl Redis {
    /// Starts a server that keeps nothing on disk and listens on a socket of its own. `None` where
    /// there is no redis.
    pub(super) fn start(dir: &Path) -> Result<Option<Self>> {
        let socket = dir.join("redis.sock");
        let server = Command::new(SERVER)
            .args(["--port", "0", "--save", "", "--appendonly", "no"])
            .arg("--unixsocket")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn();
        let server = match server {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                println!("no {SERVER}: left out (`cargo xtask setup --bench` installs it)");
                return Ok(None);
            }
            server => server.with_context(|| format!("cannot start {SERVER}"))?,
        };
        let redis = Self { server, socket };
        redis.wait()?;
        Ok(Some(redis))
    }

    fn wait(&self) -> Result<()> {
        let give_up = Instant::now() + START;
        while !self.socket.exists() || self.run(1).is_err() {
            if Instant::now() > give_up {
                bail!("{SERVER} does not answer");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone afterwards.
        drop(self.server.kill());
        drop(self.server.wait());
        drop(std::fs::remove_file(&self.socket));
    }
}

impl Load for Redis {
    fn run(&self, operations: u32) -> Result<Duration> {
        let start = Instant::now();
        let status = Command::new(CLIENT)
            .arg("-s")
            .arg(&self.socket)
            .args(["-q", "-t", "set", "-c", "8", "-n", &operations.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .with_context(|| format!("cannot run {CLIENT}"))?;
        if !status.success() {
            bail!("{CLIENT} failed");
        }
        Ok(start.elapsed())
    }
}
