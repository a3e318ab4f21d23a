//! Fields of exec sessions.

use komainu::event::{
    CommandLimits, Commands, Event, ProcKey, Process, Session, SessionKind, World,
};
use komainu::rules::{Matching, Scratch};

use crate::events::{Table, openat, rule, rules, task};

/// A session that everything is in.
pub(crate) fn session() -> Session {
    let limits = CommandLimits {
        lines: 2,
        bytes: 100,
    };
    let mut commands = Commands::default();
    for line in ["bash -i", "cat x", "cat x", "id"] {
        commands.add(line.as_bytes(), limits);
    }
    Session {
        id: "00112233aabbccdd-1f-2a".into(),
        kind: SessionKind::Exec,
        root: ProcKey::new(42, 0),
        start: 1_700_000_000_000_000_000,
        tty: true,
        uid: 0,
        name: b"bash"[..].into(),
        exe: b"-bash"[..].into(),
        exe_path: b"/bin/bash"[..].into(),
        cmdline: b"bash -i"[..].into(),
        cgroup: 1,
        task: task(),
        partial: false,
        commands,
        processes: 3,
        alerts: 5,
        status: Some(130 << 8),
        ended: None,
    }
}

struct InSession(Session);

impl World for InSession {
    fn process(&self, _: ProcKey) -> Option<&Process> {
        None
    }

    fn session(&self, _: ProcKey) -> Option<&Session> {
        Some(&self.0)
    }
}

fn output(fields: &str, event: &Event<'_>, world: &dyn World) -> String {
    let yaml = format!(
        "- rule: r\n  desc: d\n  priority: INFO\n  warn_evttypes: false\n  output: '{fields}'\n  condition: evt.num > 0\n"
    );
    rules(&yaml).rule(0).unwrap().output.render(event, world)
}

#[test]
fn in_a_session() {
    let (event, world) = (openat("/a", "/a"), InSession(session()));
    for (field, expected) in [
        ("session.id", "00112233aabbccdd-1f-2a"),
        ("session.kind", "exec"),
        ("session.tty", "true"),
        ("session.start", "1700000000000000000"),
        ("session.duration", "123456789"),
        ("session.pid", "42"),
        ("session.uid", "0"),
        ("session.user", "root"),
        ("session.name", "bash"),
        ("session.exe", "-bash"),
        ("session.exepath", "/bin/bash"),
        ("session.cmdline", "bash -i"),
        ("session.partial", "false"),
        ("session.commands", "(bash -i,cat x)"),
        ("session.commands.run", "4"),
        ("session.commands.omitted", "1"),
        ("session.processes", "3"),
        ("session.alerts", "5"),
        ("session.status", "130"),
    ] {
        assert_eq!(
            output(&format!("%{field}"), &event, &world),
            expected,
            "{field}"
        );
    }
    for (condition, expected) in [
        ("session.kind = exec and session.tty = true", true),
        ("session.commands intersects (\"cat x\", ls)", true),
        ("session.commands in (\"cat x\")", false),
        ("session.name startswith ba and session.processes > 2", true),
        ("not session.kind = exec", false),
    ] {
        assert_eq!(holds(condition, &event, &world), expected, "{condition}");
    }
}

#[test]
fn outside_they_are_absent() {
    let (event, world) = (openat("/a", "/a"), Table::default());
    for field in komainu::event::fields::all().filter(|f| f.name.starts_with("session.")) {
        assert_eq!(output(&format!("%{}", field.name), &event, &world), "<NA>");
    }
    for (condition, expected) in [
        ("session.kind = exec", false),
        ("session.kind != exec", false),
        ("session.id exists", false),
        ("not session.kind = exec", true),
    ] {
        assert_eq!(holds(condition, &event, &world), expected, "{condition}");
    }
}

fn holds(condition: &str, event: &Event<'_>, world: &dyn World) -> bool {
    let mut scratch = Scratch::default();
    let rule = rule(condition);
    !rule
        .evaluate(event, world, Matching::First, &mut scratch)
        .is_empty()
}
