//! Requests to a server, by curl.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

const JSON: &str = "application/json";

/// A server, and who asks it.
#[derive(Debug)]
pub(super) struct Api {
    url: String,
    authority: PathBuf,
    token: String,
}

/// Status and body.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) body: String,
}

impl Answer {
    /// The body, if all went well.
    pub(super) fn json(self) -> Result<Value> {
        let body = self.expect(&[200, 201])?.body;
        serde_json::from_str(&body).with_context(|| format!("not JSON: {body}"))
    }

    /// An error unless the status is one of these.
    pub(super) fn expect(self, codes: &[u16]) -> Result<Self> {
        if codes.contains(&self.code) {
            return Ok(self);
        }
        bail!("status {} instead of {codes:?}: {}", self.code, self.body)
    }
}

impl Api {
    pub(super) fn new(url: String, authority: PathBuf, token: String) -> Self {
        Self {
            url,
            authority,
            token,
        }
    }

    pub(super) fn get(&self, path: &str) -> Result<Answer> {
        self.send("GET", path, "", JSON)
    }

    /// Makes an object of JSON text, or of YAML.
    pub(super) fn post(&self, path: &str, body: &str, kind: &str) -> Result<Answer> {
        self.send("POST", path, body, kind)
    }

    /// Makes an object.
    pub(super) fn create(&self, path: &str, object: &Value) -> Result<Value> {
        self.post(path, &object.to_string(), JSON)?.json()
    }

    /// Changes parts of an object.
    pub(super) fn patch(&self, path: &str, change: &Value) -> Result<Value> {
        self.send(
            "PATCH",
            path,
            &change.to_string(),
            "application/merge-patch+json",
        )?
        .json()
    }

    /// Removes an object at once.
    pub(super) fn delete(&self, path: &str) -> Result<()> {
        let now = "{\"gracePeriodSeconds\":0}";
        self.send("DELETE", path, now, JSON)?.expect(&[200, 202])?;
        Ok(())
    }

    /// The token goes by a file, not by arguments that all can read.
    fn send(&self, method: &str, path: &str, body: &str, kind: &str) -> Result<Answer> {
        let mut header = tempfile::NamedTempFile::new()?;
        writeln!(header, "Content-Type: {kind}")?;
        // etcd refuses a token that it did not give out, an empty one too.
        if !self.token.is_empty() {
            writeln!(header, "Authorization: Bearer {}", self.token)?;
        }
        let mut command = Command::new("curl");
        command
            .args([
                "--silent",
                "--show-error",
                "--max-time",
                "30",
                "--noproxy",
                "*",
            ])
            .args(["--request", method, "--write-out", "\n%{http_code}"])
            .arg("--cacert")
            .arg(&self.authority)
            .arg("--header")
            .arg(format!("@{}", header.path().display()));
        if !body.is_empty() {
            command.args(["--data-binary", "@-"]);
        }
        command.arg(format!("{}{path}", self.url));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start curl")?;
        child
            .stdin
            .take()
            .context("no stdin")?
            .write_all(body.as_bytes())?;
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!(
                "{method} {path}: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let text = String::from_utf8(output.stdout)?;
        let (body, code) = text.rsplit_once('\n').context("curl told no status")?;
        Ok(Answer {
            code: code.parse()?,
            body: body.to_owned(),
        })
    }
}
