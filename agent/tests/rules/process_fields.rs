//! Values of fields of the process, its descriptors and the kind of event.

use komainu::event::{FdKind, Role, SocketFacts, Stream, Value, event_type};
use komainu_common::facts::{DESCRIPTORS, STDIO};
use komainu_common::filter::source;
use komainu_common::{Class, Usage};

use crate::events::{execve, holds, openat, rule, rules, table};
use crate::fields::shown;

/// The oldest shell of the lineage is what somebody logged in to.
#[test]
fn the_login_shell_is_the_oldest() {
    let mut world = table();
    let event = openat("/a", "/a");
    // cat, bash, sshd.
    assert_eq!(shown("proc.loginshellid", &event, &world), "101");
    let named = |world: &mut crate::events::Table, id: u32, name: &str| {
        let process = world.processes.values_mut().find(|p| p.tgid == id).unwrap();
        process.comm = name.as_bytes().into();
    };
    named(&mut world, 102, "zsh");
    assert_eq!(shown("proc.loginshellid", &event, &world), "102");
    named(&mut world, 101, "make");
    named(&mut world, 102, "sshd");
    assert_eq!(shown("proc.loginshellid", &event, &world), "<NA>");
    named(&mut world, 100, "sh");
    assert_eq!(shown("proc.loginshellid", &event, &world), "100", "itself");
}

#[test]
fn counts_are_one_or_absent() {
    let world = table();
    let count = |event: &_, name: &str| shown(&format!("evt.count{name}"), event, &world);
    let mut event = openat("/a", "/a");
    for (name, expected) in [
        ("", "1"),
        (".exit", "1"),
        (".procinfo", "0"),
        (".threadinfo", "0"),
    ] {
        assert_eq!(count(&event, name), expected, "{name}");
    }
    let errors = [
        ".error",
        ".error.file",
        ".error.net",
        ".error.memory",
        ".error.other",
    ];
    let all = |event: &_| errors.map(|name| count(event, name));
    assert_eq!(all(&event), ["<NA>"; 5]);
    event.ret = Some(-2);
    assert_eq!(all(&event), ["1", "1", "<NA>", "<NA>", "<NA>"]);
    event.ty = event_type("connect").unwrap();
    assert_eq!(all(&event), ["1", "<NA>", "1", "<NA>", "<NA>"]);
    event.ty = event_type("mmap").unwrap();
    assert_eq!(all(&event), ["1", "<NA>", "<NA>", "1", "<NA>"]);
    event.ty = event_type("ptrace").unwrap();
    assert_eq!(all(&event), ["1", "<NA>", "<NA>", "<NA>", "1"]);
    event.ty = event_type("procinfo").unwrap();
    assert_eq!(
        (count(&event, ".procinfo"), count(&event, ".threadinfo")),
        ("1".into(), "1".into())
    );
}

#[test]
fn standard_descriptors_have_kinds_and_names() {
    let mut world = table();
    let mut event = execve();
    assert_eq!(shown("proc.stdin.type", &event, &world), "<NA>");
    assert_eq!(shown("proc.fdopencount", &event, &world), "<NA>");
    let socket = SocketFacts {
        family: 2,
        kind: 1,
        protocol: 6,
        local: Some(([10, 0, 0, 1], 4000).into()),
        peer: Some(([10, 0, 0, 2], 443).into()),
        unix_path: None,
        role: Some(Role::Client),
        connected: true,
    };
    event.stdio = [
        Some(Stream {
            kind: FdKind::Ipv4,
            name: b"",
            socket: Some(socket),
        }),
        Some(Stream {
            kind: FdKind::File,
            name: b"/dev/pts/0",
            socket: None,
        }),
        None,
    ];
    assert_eq!(shown("proc.stdin.type", &event, &world), "ipv4");
    assert_eq!(
        shown("proc.stdin.name", &event, &world),
        "10.0.0.1:4000->10.0.0.2:443"
    );
    assert_eq!(shown("proc.stdout.type", &event, &world), "file");
    assert_eq!(shown("proc.stdout.name", &event, &world), "/dev/pts/0");
    assert_eq!(shown("proc.stderr.type", &event, &world), "<NA>");
    assert_eq!(shown("proc.stderr.name", &event, &world), "<NA>");
    event.open_descriptors = Some(5);
    for process in world.processes.values_mut() {
        process.usage = Usage {
            fd_limit: 20,
            ..Usage::default()
        };
    }
    assert_eq!(shown("proc.fdopencount", &event, &world), "5");
    assert_eq!(shown("proc.fdusage", &event, &world), "25.000");
    event.task.threads = 3;
    assert_eq!(shown("proc.nthreads", &event, &world), "3");
    assert_eq!(shown("proc.nchilds", &event, &world), "2");
}

/// What costs something is collected for events that a rule reads it of.
#[test]
fn facts_are_those_that_rules_read() {
    let facts = |condition: &str, output: &str, class| {
        let text = format!(
            "- rule: r\n  desc: d\n  priority: INFO\n  output: '{output}'\n  condition: {condition}\n"
        );
        rules(&text).facts(class)
    };
    let shell = "evt.type = execve and proc.stdin.type = ipv4";
    assert_eq!(facts(shell, "o", Class::EXEC), STDIO);
    assert_eq!(facts(shell, "o", Class::OPEN), 0, "of no other event");
    assert_eq!(
        facts("evt.type = openat", "%proc.fdusage", Class::OPEN),
        DESCRIPTORS
    );
    assert_eq!(facts("evt.type = openat", "%fd.name", Class::OPEN), 0);
}

/// Names of services are not looked up.
#[test]
fn services_are_ports() {
    let world = table();
    let mut event = openat("", "");
    event.ty = event_type("connect").unwrap();
    event.params = [Value::Int(0)].into_iter().collect();
    let fd = event.fd.as_mut().unwrap();
    fd.kind = Some(FdKind::Ipv4);
    fd.socket = Some(SocketFacts {
        family: 2,
        kind: 1,
        protocol: 6,
        local: Some(([10, 0, 0, 1], 4000).into()),
        peer: Some(([10, 0, 0, 2], 443).into()),
        unix_path: None,
        role: Some(Role::Client),
        connected: true,
    });
    for (field, expected) in [
        ("fd.cproto", "4000"),
        ("fd.sproto", "443"),
        ("fd.lproto", "4000"),
        ("fd.rproto", "443"),
    ] {
        assert_eq!(shown(field, &event, &world), expected, "{field}");
    }
    assert!(holds("fd.proto = 443", &event) && holds("fd.proto = 4000", &event));
    assert!(!holds("fd.proto = https", &event));
}

/// Of what makes processes, what certainly has other flags ends in the kernel.
#[test]
fn flags_of_clone_are_tested_in_the_kernel() {
    let one = |types: &str, flag: &str| {
        let set = rule(&format!(
            "evt.type in ({types}) and evt.arg.flags contains {flag}"
        ));
        let plan = set.plan();
        let tables = plan.class(Class::CLONE).unwrap();
        let tests = &tables.plan().tests[..tables.plan().tests_len as usize];
        // Which of the calls it is, is tested beside them.
        let tests: Vec<_> = tests
            .iter()
            .filter(|test| test.source == source::ARG0)
            .map(|test| (test.source, test.mask, test.low))
            .collect();
        (tables.len(), tests)
    };
    let new_user = 0x1000_0000;
    let expected = (1, vec![(source::ARG0, new_user, 0x1000_0000)]);
    assert_eq!(one("clone, clone3, fork, vfork", "CLONE_NEWUSER"), expected);
    assert_eq!(one("fork", "CLONE_NEWUSER"), (0, vec![]), "never");
    assert_eq!(one("vfork", "CLONE_VFORK"), (1, vec![]), "always");
}
