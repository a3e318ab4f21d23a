//! The agent as an operator meets it: scraped, probed, given other rules while it works.
#![expect(clippy::float_cmp, reason = "samples are counts, printed whole")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    Test,
    agent::{Agent, own},
    watch::{Watch, act, finish},
};

pub(crate) const TESTS: &[Test] = &[
    ("operations_metrics_and_probes", metrics_and_probes),
    (
        "operations_ready_follows_the_agent",
        ready_follows_the_agent,
    ),
    ("operations_config_map_swaps_under_load", swaps_under_load),
    ("operations_wrong_rules_are_told_everywhere", wrong_rules),
];

const SOON: Duration = Duration::from_secs(10);

/// An address that nobody listens at.
pub(crate) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap()
}

fn listening(address: SocketAddr) -> String {
    format!("http: {{listen: '{address}'}}\nkernel: {{run_times: true}}\n")
}

/// Status and body, or why there is none.
pub(crate) fn get(address: SocketAddr, path: &str, accept: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok((status, body.to_owned()))
}

/// Waits for this status.
pub(crate) fn wait_for_status(address: SocketAddr, path: &str, status: u16) -> Value {
    let deadline = Instant::now() + SOON;
    loop {
        let answer = get(address, path, "*/*");
        match answer {
            Ok((now, body)) if now == status => return serde_json::from_str(&body).unwrap(),
            answer => assert!(Instant::now() < deadline, "{path}: {answer:?}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Samples of a page by name and labels.
pub(crate) fn samples(page: &str) -> BTreeMap<&str, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name, value.parse().unwrap()))
        .collect()
}

fn opened(name: &str, path: &Path) -> String {
    format!(
        "- rule: {name}\n  desc: a test\n  condition: evt.type in (open, openat, openat2) and fd.name startswith {}\n  output: file=%fd.name\n  priority: WARNING\n",
        path.display()
    )
}

fn read_file(path: &Path) {
    finish(
        Command::new("cat")
            .arg(path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
}

fn metrics_and_probes(_: &mut Watch) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("x");
    fs::write(&file, "x").unwrap();
    let address = free_address();
    let agent = Agent::start_with(&opened("Opened", directory.path()), &listening(address));
    (0..7).for_each(|_| read_file(&file));
    (0..7).for_each(|_| drop(agent.wait_for(|line| line["rule"] == "Opened")));
    assert_eq!(wait_for_status(address, "/healthz", 200)["status"], "ok");
    assert_eq!(wait_for_status(address, "/readyz", 200)["status"], "ok");
    // What the deciding thread tells is a second old at most.
    std::thread::sleep(Duration::from_millis(1_200));
    let (status, page) = get(address, "/metrics", "text/plain").unwrap();
    assert_eq!(status, 200);
    let samples = samples(&page);
    assert_eq!(
        samples["komainu_rule_matches_total{rule=\"Opened\",priority=\"Warning\"}"],
        7.0
    );
    assert_eq!(
        samples["komainu_probe_attached{program=\"exec\",required=\"true\"}"],
        1.0
    );
    for name in [
        "komainu_events_seen_total{class=\"open\"}",
        "komainu_events_emitted_total{class=\"exec\"}",
        "komainu_program_runs_total{program=\"sys_exit\"}",
        "komainu_program_run_seconds_total{program=\"sys_exit\"}",
        "komainu_ring_peak_bytes{lane=\"lifecycle\"}",
        "komainu_event_lag_seconds_count",
        "komainu_processes",
        "komainu_sink_lines_total{sink=\"stdout\"}",
        "process_resident_memory_bytes",
    ] {
        assert!(
            samples.get(name).is_some_and(|value| *value > 0.0),
            "{name}\n{page}"
        );
    }
    assert_eq!(samples["komainu_ready"], 1.0);
    // Whatever happens on this machine is decided within a tick and a batch.
    let within = samples["komainu_event_lag_seconds_bucket{le=\"1.0\"}"];
    assert!(within > 0.0 && within <= samples["komainu_event_lag_seconds_count"]);
    let (_, other) = get(address, "/metrics", "application/openmetrics-text").unwrap();
    assert!(other.ends_with("# EOF\n"), "{other}");
    promtool(&page);
    assert!(agent.stop().0.success());
}

fn promtool(page: &str) {
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped());
    let Ok(mut child) = promtool
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    else {
        println!("left out: no promtool (`cargo xtask setup --test`)");
        return;
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}\n{page}");
}

/// Alive from the beginning, ready when it watches, and not any more when it stops.
fn ready_follows_the_agent(_: &mut Watch) {
    let address = free_address();
    let (directory, settings) = (tempfile::tempdir().unwrap(), listening(address));
    let rules = directory.path().join("r.yaml");
    fs::write(&rules, opened("Opened", directory.path())).unwrap();
    let config = directory.path().join("komainu.yaml");
    fs::write(&config, settings).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_komainu"))
        .args(["run", "--rules"])
        .arg(&rules)
        .arg("--config")
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let starting = wait_for_status(address, "/readyz", 503);
    assert_eq!(wait_for_status(address, "/healthz", 200)["status"], "ok");
    let reasons = starting["reasons"].to_string();
    assert!(reasons.contains("the agent is starting"), "{starting}");
    let ready = wait_for_status(address, "/readyz", 200);
    assert_eq!(ready["checks"]["probes"]["ok"], true, "{ready}");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A volume as the kubelet's atomic writer keeps it (`pkg/volume/util/atomic_writer.go`): a directory for each version,
/// `..data` pointing to it, each name a symlink through that.
struct ConfigMap<'a>(&'a Path);

impl ConfigMap<'_> {
    fn write(&self, version: usize, files: &[(&str, String)]) {
        let own = format!("..version_{version}");
        let place = self.0.join(&own);
        fs::create_dir(&place).unwrap();
        for (name, text) in files {
            fs::write(place.join(name), text).unwrap();
            let link = self.0.join(name);
            if !link.is_symlink() {
                symlink(format!("..data/{name}"), link).unwrap();
            }
        }
        let old = fs::read_link(self.0.join("..data")).ok();
        symlink(&own, self.0.join("..data_tmp")).unwrap();
        fs::rename(self.0.join("..data_tmp"), self.0.join("..data")).unwrap();
        if let Some(old) = old {
            fs::remove_dir_all(self.0.join(old)).unwrap();
        }
    }
}

/// Rule files of two sets, with two rules for each open, in two files: an event that another set judged in part
/// would have an alert too few, too many, or of both.
fn two_files(set: &str, watched: &Path) -> Vec<(&'static str, String)> {
    let rule = |number| opened(&format!("{set}{number}"), watched);
    vec![("1.yaml", rule(1)), ("2.yaml", rule(2))]
}

/// Opens files of ever new names for so long, and says how many.
pub(crate) fn act_open_names(directory: &str, time: Duration) {
    let end = Instant::now() + time;
    let mut names = 0;
    while Instant::now() < end {
        drop(fs::File::create(format!("{directory}/{names}")).unwrap());
        names += 1;
        std::thread::sleep(Duration::from_millis(2));
    }
    println!("{names}");
}

fn swaps_under_load(_: &mut Watch) {
    const SWAPS: usize = 8;
    let (volume, watched) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let map = ConfigMap(volume.path());
    map.write(0, &two_files("A", watched.path()));
    let config = "matching: all\noutput: {queue: 100000, queue_bytes: 268435456}\n";
    let agent = Agent::start_on(volume.path(), config);
    let mut load = act("open-names");
    let load = load.arg(watched.path()).arg("8").spawn().unwrap();
    let mut lines = Vec::new();
    for version in 1..=SWAPS {
        let set = if version % 2 == 1 { "B" } else { "A" };
        map.write(version, &two_files(set, watched.path()));
        let began = Instant::now();
        loop {
            lines.extend(agent.next_line(SOON));
            if lines.last().is_some_and(own("reloaded")) {
                break;
            }
            assert!(
                began.elapsed() < SOON,
                "version {version} is not in force in time"
            );
        }
    }
    let opened: usize = finish(load).1.trim().parse().unwrap();
    let (status, rest) = agent.stop();
    assert!(status.success());
    lines.extend(rest);
    judged_by_one_set(&lines, watched.path(), opened);
}

/// Each file has its two alerts, of one set, with the hash of that.
fn judged_by_one_set(lines: &[Value], watched: &Path, opened: usize) {
    let mut alerts: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    let mut hashes = BTreeSet::new();
    for line in lines.iter().filter(|line| line["source"] == "syscall") {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (rule, hash) = (text(&line["rule"]), text(&line["rules_hash"]));
        hashes.insert((rule.chars().next(), hash.clone()));
        let file = text(&line["output_fields"]["fd.name"]);
        let is_new = alerts.entry(file).or_default().insert((rule, hash));
        assert!(is_new, "told twice: {line}");
    }
    assert_eq!(hashes.len(), 2, "a set has one hash: {hashes:?}");
    for number in 0..opened {
        let file = watched.join(number.to_string());
        let of = alerts.get(file.to_str().unwrap());
        let rules: Vec<&str> = of
            .into_iter()
            .flatten()
            .map(|(rule, _)| rule.as_str())
            .collect();
        let is_whole = rules == ["A1", "A2"] || rules == ["B1", "B2"];
        assert!(is_whole, "{} of {opened}: {rules:?}", file.display());
    }
}

/// Wrong rules change nothing and are told in the stream, in metrics and by the probe; right ones end that.
fn wrong_rules(_: &mut Watch) {
    let directory = tempfile::tempdir().unwrap();
    let address = free_address();
    let right = opened("Opened", directory.path());
    let agent = Agent::start_with(&right, &listening(address));
    wait_for_status(address, "/readyz", 200);
    let began = Instant::now();
    fs::write(
        agent.rules(),
        "- rule: broken\n  condition: evt.typ = open\n",
    )
    .unwrap();
    let failed = agent.wait_for(own("reload_failed"));
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let error = failed["output_fields"]["komainu.error"].as_str().unwrap();
    assert!(error.contains("rules.yaml:"), "{error}");
    let ready = wait_for_status(address, "/readyz", 200);
    let note = ready["checks"]["rules"]["note"].as_str().unwrap();
    assert!(
        note.contains("rules.yaml:") && note.contains("1 rules are in force"),
        "{note}"
    );
    let (_, page) = get(address, "/metrics", "*/*").unwrap();
    let told = samples(&page);
    assert_eq!(
        told["komainu_rule_reloads_total{result=\"failed\"}"], 1.0,
        "told once\n{page}"
    );
    assert_eq!(told["komainu_rule_reload_failing"], 1.0);
    fs::write(directory.path().join("x"), "x").unwrap();
    read_file(&directory.path().join("x"));
    let alert = agent.wait_for(|line| line["rule"] == "Opened");
    assert_eq!(
        alert["rules_hash"],
        failed["output_fields"]["komainu.rules_hash"]
    );
    fs::write(agent.rules(), &right).unwrap();
    let reloaded = agent.wait_for(own("reloaded"));
    assert_eq!(
        reloaded["output_fields"]["komainu.rules_hash"],
        alert["rules_hash"]
    );
    std::thread::sleep(Duration::from_millis(1_100));
    let (_, page) = get(address, "/metrics", "*/*").unwrap();
    assert_eq!(samples(&page)["komainu_rule_reload_failing"], 0.0);
    assert!(agent.stop().0.success());
}
