//! The example for rsyslog, run: a container's log goes in, what a collector receives comes out.

use std::fs;
use std::io::{self, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::project;
use crate::steps::Outcome;

const RSYSLOG: &str = "/usr/sbin/rsyslogd";
/// Bytes of a line that containerd and the kubelet's reader write at once (`max_container_log_line_size`).
const PART: usize = 16 * 1024;
/// For rsyslog to start, read and connect.
const PATIENCE: Duration = Duration::from_secs(30);

/// The step of `test`.
pub(super) fn step() -> Result<Outcome> {
    if !Path::new(RSYSLOG).exists() {
        let reason = "no rsyslog; `cargo xtask setup --test` installs it where it can";
        return Ok(Outcome::LeftOut(reason.into()));
    }
    let sent = alerts();
    let received = through_rsyslog(&log(&sent))?;
    let expected: Vec<String> = sent.iter().map(message).collect();
    for (number, (received, expected)) in received.iter().zip(&expected).enumerate() {
        ensure!(
            received == expected,
            "message {number} is\n{received}\nand not\n{expected}"
        );
    }
    ensure!(
        received.len() == expected.len(),
        "{} of {} messages came",
        received.len(),
        expected.len()
    );
    println!("{} alerts arrived, with their own times", received.len());
    Ok(Outcome::Passed)
}

/// Of several priorities; one is longer than two parts, with characters of more than one byte wherever it is cut.
fn alerts() -> Vec<Value> {
    let alert = |second: u64, priority: &str, text: &str| {
        json!({
            "time": format!("2026-11-22T10:20:{second}.123456789Z"),
            "rule": "Sensitive file read",
            "priority": priority,
            "source": "syscall",
            "hostname": "node-1",
            "output": text,
            "output_fields": {"proc.cmdline": text},
            "seq": second,
        })
    };
    vec![
        alert(
            10,
            "Warning",
            "a \"quoted\" text, \\ and a line\nof its own",
        ),
        alert(11, "Critical", &"狛犬é".repeat(5 * 1024 / 2)),
        alert(12, "Informational", ""),
        alert(13, "Notice", "the last one"),
    ]
}

/// What a runtime writes: alerts on standard output, the agent's log on standard error, even between the parts of a line.
fn log(alerts: &[Value]) -> Vec<u8> {
    let mut log = Vec::new();
    let mut line = |stream: &str, flag: &str, text: &[u8]| {
        // Later than what it tells of.
        log.extend(format!("2026-11-22T11:00:00.000000001+01:00 {stream} {flag} ").bytes());
        log.extend(text);
        log.push(b'\n');
    };
    for alert in alerts {
        let text = alert.to_string();
        let parts: Vec<&[u8]> = text.as_bytes().chunks(PART).collect();
        for (number, part) in (1..).zip(&parts) {
            line(
                "stderr",
                "F",
                b"2026-11-22T10:20:00Z  INFO komainu: facts=1",
            );
            line(
                "stdout",
                if number == parts.len() { "F" } else { "P" },
                part,
            );
        }
    }
    log
}

/// As RFC 5424 has it: facility 10, authpriv.
fn message(alert: &Value) -> String {
    let severity = match alert["priority"].as_str() {
        Some("Critical") => 2,
        Some("Warning") => 4,
        Some("Informational") => 6,
        _ => 5,
    };
    let (priority, time) = (80 + severity, alert["time"].as_str().unwrap_or_default());
    format!("<{priority}>1 {time} node-1 komainu - - - {alert}")
}

fn through_rsyslog(log: &[u8]) -> Result<Vec<String>> {
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("komainu-x_komainu_komainu-y.log");
    fs::write(&file, log)?;
    let collector = TcpListener::bind(("127.0.0.1", 0))?;
    let config = dir.path().join("rsyslog.conf");
    fs::write(
        &config,
        configuration(dir.path(), collector.local_addr()?.port())?,
    )?;
    let daemon = Command::new(RSYSLOG)
        .args(["-n", "-f"])
        .arg(&config)
        .arg("-i")
        .arg(dir.path().join("pid"))
        .spawn()?;
    let _ended = Ended(daemon);
    let stream = accept(&collector)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream);
    (0..alerts().len()).map(|_| frame(&mut reader)).collect()
}

/// The example, with the places of this machine.
fn configuration(dir: &Path, port: u16) -> Result<String> {
    let examples = project::root().join("deploy/pipelines/rsyslog");
    let mut text = fs::read_to_string(examples.join("komainu.conf"))?;
    let places = [
        ("/var/log/containers/", format!("{}/", dir.display())),
        (
            "/etc/rsyslog.d/komainu.rulebase\"",
            format!("{}\"", examples.join("komainu.rulebase").display()),
        ),
        (
            "target=\"collector.example\" port=\"6514\"",
            format!("target=\"127.0.0.1\" port=\"{port}\""),
        ),
    ];
    for (example, here) in places {
        ensure!(text.contains(example), "komainu.conf has no {example}");
        text = text.replace(example, &here);
    }
    Ok(format!(
        "global(workDirectory=\"{}\")\n{text}",
        dir.display()
    ))
}

fn accept(listener: &TcpListener) -> Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error.into()),
            Err(_) if Instant::now() > deadline => bail!("rsyslog does not connect"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// A message behind the count of its bytes (RFC 6587, 3.4.1).
fn frame(reader: &mut BufReader<TcpStream>) -> Result<String> {
    let mut count = String::new();
    loop {
        let mut byte = [0];
        reader
            .read_exact(&mut byte)
            .context("no further message came")?;
        match byte[0] {
            b' ' => break,
            digit => count.push(digit.into()),
        }
    }
    let mut text = vec![
        0;
        count
            .parse()
            .with_context(|| format!("{count:?} is no count"))?
    ];
    reader.read_exact(&mut text)?;
    Ok(String::from_utf8(text)?)
}

/// Kills the daemon at the end.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Fails where it has ended already.
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_in_parts_that_make_it_whole() {
        let alerts = alerts();
        let log = log(&alerts);
        let mut whole = Vec::new();
        for line in log.split(|&b| b == b'\n').filter(|line| !line.is_empty()) {
            let mut columns = line.splitn(4, |&b| b == b' ').skip(1);
            let (stream, flag) = (columns.next().unwrap(), columns.next().unwrap());
            let text = columns.next().unwrap();
            assert!(text.len() <= PART);
            if stream == b"stdout" {
                whole.extend(text);
                whole.extend((flag == b"F").then_some(b'\n'));
            }
        }
        let texts: Vec<String> = alerts.iter().map(ToString::to_string).collect();
        assert_eq!(
            String::from_utf8(whole).unwrap().trim_end(),
            texts.join("\n")
        );
        assert!(log.windows(3).filter(|window| window == b" P ").count() >= 2);
    }
}
