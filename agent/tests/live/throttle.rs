//! Alerts that repeat: the first is shown, the others are told together.

use std::process::Command;

use serde_json::Value;

use crate::{
    Test,
    agent::{Agent, own, rule},
    watch::{Watch, finish},
};

pub(crate) const TESTS: &[Test] = &[(
    "throttle_shows_the_first_and_tells_the_rest",
    first_and_rest,
)];

const TIMES: u64 = 500;

fn first_and_rest(_: &mut Watch) {
    let mark = format!("komainu-throttled-{}", std::process::id());
    let rules = format!(
        "
- rule: Repeated
  desc: a test
  condition: evt.type = execve and proc.args startswith {mark}
  output: command=%proc.cmdline
  priority: WARNING
- rule: Audited
  desc: a test
  condition: evt.type = execve and proc.args startswith audit-{mark}
  output: command=%proc.cmdline
  priority: INFO
  tags: [audit]
"
    );
    let agent = Agent::start_with(&rules, "throttle: {window_seconds: 3600}\n");
    let run = |argument: String| finish(Command::new("/bin/true").arg(argument).spawn().unwrap());
    for number in 0..TIMES {
        run(format!("{mark}-{number}"));
    }
    run(format!("audit-{mark}"));
    run(format!("audit-{mark}"));
    let (status, lines) = agent.stop();
    assert!(status.success());
    let shown: Vec<&Value> = lines.iter().filter(|line| rule("Repeated")(line)).collect();
    assert_eq!(shown.len(), 1, "{shown:#?}");
    let command = shown[0]["output_fields"]["proc.cmdline"].as_str().unwrap();
    assert!(command.ends_with("-0"), "the first one: {command}");
    let audited = lines.iter().filter(|line| rule("Audited")(line)).count();
    assert_eq!(audited, 2, "the audit is whole");
    let told: Vec<&Value> = lines.iter().filter(|line| own("throttled")(line)).collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    let fields = &told[0]["output_fields"];
    assert_eq!(fields["komainu.rule"], "Repeated");
    assert_eq!(fields["komainu.count"], TIMES - 1);
    assert_eq!(told[0]["priority"], "Warning");
    let stopped = lines.last().unwrap();
    assert!(
        own("stopped")(stopped),
        "nothing comes after the end: {stopped}"
    );
    assert_eq!(stopped["output_fields"]["komainu.throttled"], TIMES - 1);
}
