//! Tests of the test runner, and the tests of the shipped rules.

use super::*;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules")
}

/// Writes a rule file and a test file and runs the test.
fn try_one(rules: &str, tests: &str) -> Result<Report> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.yaml"), rules).unwrap();
    fs::write(dir.path().join("a.test.yaml"), tests).unwrap();
    test(&[dir.path().into()])
}

const RULE: &str = "- rule: Cat\n  desc: d\n  condition: evt.type = execve and proc.name = cat\n  \
                    output: cat %proc.args\n  priority: NOTICE\n";

#[test]
fn shipped_rules_pass_their_tests() {
    let report = test(&[shipped()]).unwrap();
    assert_eq!(report.failed, 0, "{}", report.text);
    assert!(report.passed >= 60, "{}", report.passed);
}

#[test]
fn every_shipped_rule_fires_in_one_test_and_stays_silent_in_another() {
    for path in test_files(&shipped()).unwrap() {
        let text = fs::read_to_string(&path).unwrap();
        let file: TestFile = serde_saphyr::from_str(&text).unwrap();
        for rule in load_rules(&path, &file.rules).unwrap().rules() {
            let fires = |case: &&case::Case| case.expect.contains(&rule.name);
            let same_types =
                |case: &&case::Case| rule.event_types.contains(&case.event.ty.as_str());
            assert!(
                file.tests.iter().any(|case| fires(&case)),
                "{} never fires",
                rule.name
            );
            let silent = |case: &&case::Case| !fires(case) && same_types(case);
            assert!(
                file.tests.iter().any(|case| silent(&case)),
                "{} always fires",
                rule.name
            );
        }
    }
}

#[test]
fn shipped_rules_load_together_without_a_warning() {
    let sources = rule_files::read(&[shipped()]).unwrap();
    let loaded = load(&sources, &LoadOptions::default());
    assert!(loaded.diagnostics.is_empty(), "{}", loaded.render(false));
    let mut names: Vec<&str> = Vec::new();
    let rules = loaded.rules.unwrap();
    for rule in rules.rules() {
        assert!(!names.contains(&rule.name.as_str()), "{} twice", rule.name);
        assert!(
            rule.tags.iter().any(|tag| tag.starts_with("mitre_")),
            "{} has no tactic",
            rule.name
        );
        names.push(&rule.name);
    }
    assert_eq!(
        names.last(),
        Some(&"Command run in a container"),
        "the audit record is last"
    );
}

#[test]
fn every_shipped_rule_file_has_tests() {
    let rules = rule_files::read(&[shipped()]).unwrap();
    for rule in &rules {
        let name = Path::new(&rule.name).file_stem().unwrap().to_str().unwrap();
        let test = shipped().join(format!("tests/{name}{SUFFIX}"));
        assert!(
            test.exists() || name == "00-shared",
            "{} is missing",
            test.display()
        );
    }
}

#[test]
fn a_rule_that_fires_and_should_not_or_does_not_and_should_fails_its_test() {
    let tests = |expect: &str, process: &str| {
        format!(
            "rules: [a.yaml]\ntests:\n- test: t\n  event: {{type: execve}}\n  \
             process: {{name: {process}, args: [x, y]}}\n  expect: {expect}\n  output: {}\n",
            if process == "cat" { "[cat x y]" } else { "[]" }
        )
    };
    assert_eq!(try_one(RULE, &tests("[Cat]", "cat")).unwrap().failed, 0);
    assert!(
        try_one(RULE, &tests("[]", "cat"))
            .unwrap()
            .text
            .contains("\"Cat\" holds, and should not")
    );
    assert!(
        try_one(RULE, &tests("[Cat]", "dog"))
            .unwrap()
            .text
            .contains("\"Cat\" does not hold")
    );
    assert!(
        try_one(RULE, &tests("[Dog]", "dog"))
            .unwrap()
            .text
            .contains("no rule \"Dog\"")
    );
    let wrong_output = tests("[Cat]", "cat").replace("cat x y", "cat z");
    assert_eq!(try_one(RULE, &wrong_output).unwrap().failed, 1);
}

#[test]
fn mistakes_in_a_test_file_are_named() {
    let unknown_key = "rules: [a.yaml]\ntests:\n- test: t\n  evnt: {type: execve}\n  expect: []\n";
    let error = format!("{:#}", try_one(RULE, unknown_key).unwrap_err());
    assert!(
        error.contains("evnt") && error.contains("a.test.yaml"),
        "{error}"
    );
    let no_such_rules = "rules: [b.yaml]\ntests: []\n";
    let error = format!("{:#}", try_one(RULE, no_such_rules).unwrap_err());
    assert!(error.contains("b.yaml"), "{error}");
    for (event, process, message) in [
        ("{type: nonsense}", "{}", "no probe delivers `nonsense`"),
        ("{type: openat}", "{}", "an open needs `file`"),
        (
            "{type: execve, result: EWHAT}",
            "{}",
            "`EWHAT` is no name of an error",
        ),
    ] {
        let tests = format!(
            "rules: [a.yaml]\ntests:\n- test: t\n  event: {event}\n  process: {process}\n  expect: []\n"
        );
        let report = try_one(RULE, &tests).unwrap();
        assert!(report.text.contains(message), "{}", report.text);
    }
}

#[test]
fn a_directory_without_tests_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    assert!(
        test(&[dir.path().into()])
            .unwrap_err()
            .to_string()
            .contains("tests")
    );
}

const CALLS: &str = "- rule: R\n  desc: d\n  condition: >\n    CONDITION\n  output: o %evt.args\n  priority: NOTICE\n";

/// An event of every shape, and the condition that must hold for it.
#[test]
fn a_system_call_is_given_by_its_parameters() {
    let cases = [
        (
            "{type: renameat2, args: {oldpath: a, newpath: /b, flags: [RENAME_EXCHANGE]}}",
            "evt.arg.oldpath = /w/a and fs.path.target = /b and evt.arg.flags = RENAME_EXCHANGE",
        ),
        (
            "{type: unlinkat, result: EBADF, args: {dirfd: 7, name: /x, flags: [AT_REMOVEDIR]}}",
            "evt.arg.name = /x and fd.num = 7 and evt.res = EBADF",
        ),
        (
            "{type: chmod, args: {filename: x, mode: [S_ISUID, S_IXUSR]}}",
            "evt.arg.mode = \"S_IXUSR|S_ISUID\" and fs.path.name = /w/x",
        ),
        (
            "{type: ptrace, args: {request: PTRACE_ATTACH, pid: 5}}",
            "evt.arg.request = PTRACE_ATTACH and evt.rawarg.pid = 5",
        ),
        (
            "{type: unshare, args: {flags: [CLONE_NEWUSER, CLONE_NEWNET]}}",
            "evt.arg.flags contains CLONE_NEWUSER and evt.arg.flags contains CLONE_NEWNET",
        ),
        ("{type: setuid, args: {uid: 0}}", "evt.arg.uid = root"),
        (
            "{type: kill, args: {pid: 1, sig: 9}}",
            "evt.arg.sig = SIGKILL",
        ),
        (
            "{type: prctl, args: {option: PR_SET_NAME, arg2_str: kworker}}",
            "evt.arg.arg2_str = kworker",
        ),
        (
            "{type: bpf, result: EPERM, args: {cmd: BPF_PROG_LOAD}}",
            "evt.arg.cmd = BPF_PROG_LOAD",
        ),
    ];
    for (event, condition) in cases {
        let tests = format!(
            "rules: [a.yaml]\ntests:\n- test: t\n  event: {event}\n  process: {{cwd: /w}}\n  expect: [R]\n"
        );
        let report = try_one(&CALLS.replace("CONDITION", condition), &tests).unwrap();
        assert_eq!((report.passed, report.failed), (1, 0), "{}", report.text);
    }
}

#[test]
fn a_descriptor_of_a_system_call_is_a_file_or_a_socket() {
    let cases = [
        (
            "event: {type: fchmod, args: {fd: 4, mode: [S_ISUID]}}\n  file: {name: /l, resolved: /bin/x}",
            "fd.name = /bin/x and fd.num = 4",
        ),
        (
            "event: {type: dup2, result: 0, args: {oldfd: 5}}\n  \
             socket: {family: ipv4, peer: \"1.2.3.4:443\", local: \"10.0.0.1:40000\"}",
            "evt.rawres in (0, 1, 2) and fd.type in (ipv4, ipv6) and fd.sip = 1.2.3.4",
        ),
    ];
    for (event, condition) in cases {
        let tests = format!("rules: [a.yaml]\ntests:\n- test: t\n  {event}\n  expect: [R]\n");
        let report = try_one(&CALLS.replace("CONDITION", condition), &tests).unwrap();
        assert_eq!((report.passed, report.failed), (1, 0), "{}", report.text);
    }
}

#[test]
fn a_parameter_that_cannot_be_given_is_an_error() {
    for (event, expected) in [
        ("{type: mkdir, args: {nope: 1}}", "no parameter `nope`"),
        ("{type: mkdir, args: {res: 1}}", "event.result"),
        ("{type: mkdir, args: {path: 1}}", "must be a text"),
        (
            "{type: unshare, args: {flags: [CLONE_NOPE]}}",
            "no name of a value",
        ),
        ("{type: openat, args: {flags: 1}}", "takes no `args`"),
    ] {
        let tests = format!("rules: [a.yaml]\ntests:\n- test: t\n  event: {event}\n  expect: []\n");
        let report = try_one(RULE, &tests).unwrap();
        assert!(report.text.contains(expected), "{}", report.text);
    }
}

/// The upstream stable rules, which are not part of the repository.
fn upstream() -> Option<PathBuf> {
    let named = std::env::var_os("KOMAINU_UPSTREAM_RULES").map(PathBuf::from);
    let path = named.unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/rules-upstream/falco_rules.yaml")
    });
    path.is_file().then_some(path)
}

/// The shipped rules, with the upstream rules where they are at hand.
fn all_rules() -> RuleSet {
    let paths: Vec<PathBuf> = std::iter::once(shipped()).chain(upstream()).collect();
    let sources = rule_files::read(&paths).unwrap();
    let loaded = load(&sources, &LoadOptions::default());
    let shown = loaded.render(false);
    loaded.rules.unwrap_or_else(|| panic!("{shown}"))
}

#[test]
fn the_kernel_filter_lets_every_event_pass_that_a_rule_is_tested_with() {
    use crate::rules::plan::model::{Facts, survivors};
    use crate::rules::{Matching, Scratch};

    let rules = all_rules();
    let plan = rules.plan();
    let (mut passed, mut filtered) = (0, 0);
    for (path, test) in every_test(&shipped()) {
        let (event, _) = read_event(&path, Some(&test)).unwrap();
        let (class, vector, hits) = event
            .look(|event, world| {
                let class = event.ty.class;
                let tables = class.and_then(|class| plan.class(class));
                let vector = tables.map(|tables| survivors(tables, &Facts::of(event, world)));
                let mut scratch = Scratch::default();
                let hits = rules.evaluate(event, world, Matching::All, &mut scratch);
                (class, vector, hits.to_vec())
            })
            .unwrap();
        let (Some(class), Some(vector)) = (class, vector) else {
            continue;
        };
        for rule in &hits {
            let name = &rules.rules()[*rule as usize].name;
            assert!(plan.may_match(class, &vector, *rule), "{name}: {test}");
            passed += 1;
        }
        filtered += usize::from(vector.iter().all(|word| *word == 0));
    }
    assert!(
        passed > 60 && filtered > 20,
        "{passed} passed, {filtered} filtered"
    );
}

#[test]
fn no_rule_forces_ordinary_opens_through() {
    let rules = all_rules();
    let summary = rules.plan().summary(&rules, &|_| None);
    let open = summary.iter().find(|class| class.class == "open").unwrap();
    let forced: Vec<_> = open.weak.iter().filter(|weak| weak.forces).collect();
    assert!(forced.is_empty(), "{forced:#?}");
    assert!(open.conjunctions < 100, "{}", open.conjunctions);
}

#[test]
fn every_network_event_can_be_made() {
    let rules = "- rule: Served\n  desc: d\n  condition: evt.type in (accept4, bind, listen, sendto, recvmsg) \
                 and fd.sport = 80 and fd.is_server = true\n  output: o %evt.buffer %evt.io_dir\n  priority: NOTICE\n\
                 - rule: Made\n  desc: d\n  condition: evt.type in (socket, socketpair) and \
                 evt.arg.domain contains AF_PACKET\n  output: o\n  priority: NOTICE\n";
    let server = "local: 127.0.0.1:80, peer: '127.0.0.1:5000'";
    let mut tests = "rules: [a.yaml]\ntests:\n".to_owned();
    let mut add = |ty: &str, socket: &str, rest: &str| {
        let at = tests.len();
        let event = format!("event: {{ type: {ty} }}\n    socket: {{ {socket} }}");
        for line in [
            format!("  - test: t{at}"),
            format!("    {event}\n    {rest}\n"),
        ] {
            tests.push_str(&line);
            tests.push('\n');
        }
    };
    for ty in ["accept4", "bind", "listen"] {
        add(
            ty,
            "family: ipv4, local: '127.0.0.1:80'",
            "expect: [Served]",
        );
    }
    let talk = format!("family: ipv4, {server}, data: secret");
    for (ty, direction) in [("sendto", "write"), ("recvmsg", "read")] {
        let expect = format!("expect: [Served]\n    output: [secret {direction}]");
        add(ty, &format!("{talk}, role: server"), &expect);
        add(ty, &format!("{talk}, role: client"), "expect: []");
    }
    for ty in ["socket", "socketpair"] {
        add(ty, "family: packet, type: raw", "expect: [Made]");
        add(ty, "family: ipv6, type: udp", "expect: []");
    }
    let tests = tests.replacen("local: '127.0.0.1:80'", server, 1);
    let report = try_one(rules, &tests).unwrap();
    assert_eq!((report.passed, report.failed), (11, 0), "{}", report.text);
    let lacking = tests.replace(", peer: '127.0.0.1:5000'", "");
    assert_eq!(try_one(rules, &lacking).unwrap().failed, 5);
}
