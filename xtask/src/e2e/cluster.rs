//! A real etcd and a real kube-apiserver on the loopback device, with keys of their own.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use xshell::{Shell, cmd};

use super::Programs;
use super::api::Api;

/// The administrator's static token.
const ADMIN: &str = "e2e-admin";
/// How long a server may take to start.
const START: Duration = Duration::from_mins(3);

/// A process that ends with this value.
#[derive(Debug)]
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The two servers and their files.
#[derive(Debug)]
pub(super) struct Cluster<'p> {
    programs: &'p Programs,
    dir: TempDir,
    etcd: Option<Server>,
    apiserver: Option<Server>,
    ports: [u16; 3],
}

impl<'p> Cluster<'p> {
    /// Keys and ports; nothing runs yet.
    pub(super) fn new(programs: &'p Programs) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        keys(dir.path())?;
        fs::write(
            dir.path().join("tokens"),
            format!("{ADMIN},admin,admin,system:masters\n"),
        )?;
        let free = || -> Result<u16> { Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()) };
        let ports = [free()?, free()?, free()?];
        Ok(Self {
            programs,
            dir,
            etcd: None,
            apiserver: None,
            ports,
        })
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The API server's address.
    pub(super) fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports[2])
    }

    /// The certificate of the authority that vouches for it.
    pub(super) fn authority(&self) -> PathBuf {
        self.dir().join("ca.crt")
    }

    /// The API as the administrator.
    pub(super) fn admin(&self) -> Api {
        Api::new(self.url(), self.authority(), ADMIN.to_owned())
    }

    /// Starts what does not run, and waits until the API server is ready.
    pub(super) fn start(&mut self) -> Result<()> {
        if self.etcd.is_none() {
            self.etcd = Some(self.start_etcd()?);
        }
        self.apiserver = Some(self.start_apiserver()?);
        let (api, end) = (self.admin(), Instant::now() + START);
        while Instant::now() < end {
            if api.get("/readyz").is_ok_and(|answer| answer.code == 200) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(200));
        }
        bail!(
            "kube-apiserver was not ready within {START:?}; its log ends with:\n{}",
            self.log("apiserver")
        )
    }

    /// Kills the API server, as a crash would.
    pub(super) fn stop_apiserver(&mut self) {
        self.apiserver = None;
    }

    /// Drops etcd's history, so that no older version can be watched from.
    pub(super) fn compact(&self) -> Result<()> {
        let etcd = Api::new(
            format!("http://127.0.0.1:{}", self.ports[0]),
            self.authority(),
            String::new(),
        );
        let status = etcd
            .post("/v3/maintenance/status", "{}", "application/json")?
            .json()?;
        let revision = status
            .pointer("/header/revision")
            .and_then(|text| text.as_str());
        let revision = revision.with_context(|| format!("etcd tells no revision: {status}"))?;
        let body = format!("{{\"revision\":\"{revision}\",\"physical\":true}}");
        etcd.post("/v3/kv/compaction", &body, "application/json")?
            .expect(&[200])?;
        Ok(())
    }

    fn start_etcd(&self) -> Result<Server> {
        let [client, peer, _] = self.ports;
        let (client, peer) = (
            format!("http://127.0.0.1:{client}"),
            format!("http://127.0.0.1:{peer}"),
        );
        let mut command = Command::new(&self.programs.etcd);
        command
            .arg("--data-dir")
            .arg(self.dir().join("etcd"))
            .args([
                "--listen-client-urls",
                &client,
                "--advertise-client-urls",
                &client,
            ])
            .args([
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
            ])
            .args(["--initial-cluster", &format!("default={peer}")]);
        self.spawn(command, "etcd")
    }

    fn start_apiserver(&self) -> Result<Server> {
        let [etcd, _, port] = self.ports;
        let mut command = Command::new(&self.programs.apiserver);
        for (flag, file) in [
            ("tls-cert-file", "server.crt"),
            ("tls-private-key-file", "server.key"),
            ("service-account-key-file", "account.pub"),
            ("service-account-signing-key-file", "account.key"),
            ("token-auth-file", "tokens"),
        ] {
            command.arg(format!("--{flag}={}", self.dir().join(file).display()));
        }
        command
            .arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
            .arg(format!("--secure-port={port}"))
            // Advertised to nobody: an address for documentation (RFC 5737).
            .args(["--bind-address=127.0.0.1", "--advertise-address=192.0.2.1"])
            .args([
                "--endpoint-reconciler-type=none",
                "--service-cluster-ip-range=10.96.0.0/16",
            ])
            .args(["--service-account-issuer=https://kubernetes.default.svc"])
            .args(["--authorization-mode=RBAC"])
            // It would wait for accounts that the controller manager makes.
            .args(["--disable-admission-plugins=ServiceAccount"]);
        self.spawn(command, "apiserver")
    }

    fn spawn(&self, mut command: Command, name: &str) -> Result<Server> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir().join(name).with_extension("log"))?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        Ok(Server(child))
    }

    fn log(&self, name: &str) -> String {
        let text =
            fs::read_to_string(self.dir().join(name).with_extension("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

/// An authority, the server's certificate, and the key that signs tokens of service accounts.
fn keys(dir: &Path) -> Result<()> {
    let sh = Shell::new()?;
    sh.change_dir(dir);
    sh.write_file(
        "names",
        "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n",
    )?;
    let key = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    let ca = [
        "basicConstraints=critical,CA:TRUE",
        "keyUsage=critical,keyCertSign",
    ];
    let [ca1, ca2] = ca;
    for command in [
        cmd!(
            sh,
            "openssl req -x509 {key...} -keyout ca.key -out ca.crt -subj /CN=e2e-ca -days 2
             -addext {ca1} -addext {ca2}"
        ),
        cmd!(
            sh,
            "openssl req {key...} -keyout server.key -out server.csr -subj /CN=kube-apiserver"
        ),
        cmd!(
            sh,
            "openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2
             -extfile names -out server.crt"
        ),
        cmd!(
            sh,
            "openssl ecparam -genkey -name prime256v1 -noout -out account.key"
        ),
        cmd!(sh, "openssl ec -in account.key -pubout -out account.pub"),
    ] {
        command.quiet().ignore_stderr().run()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_belong_together() {
        if super::super::on_path("openssl").is_none() {
            return println!("left out: openssl is not installed");
        }
        let dir = tempfile::tempdir().unwrap();
        keys(dir.path()).unwrap();
        let sh = Shell::new().unwrap();
        sh.change_dir(dir.path());
        let verified = cmd!(sh, "openssl verify -CAfile ca.crt server.crt")
            .quiet()
            .read()
            .unwrap();
        assert_eq!(verified, "server.crt: OK");
    }
}
