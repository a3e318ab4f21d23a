//! The kernel filter's plan: a rule that matches an event lets it pass.

mod calls;
mod kernel;
mod random;

use std::cell::Cell;

use komainu::decode::{self, Clock, decode};
use komainu::event::flags::O_DIRECTORY;
use komainu::event::{Container, Membership, ProcKey, Process, Session, World};
use komainu::rules::plan::model::{Facts, survivors};
use komainu::rules::{LoadOptions, Matching, Plan, RuleSet, Scratch, Source, load};
use komainu_common::filter::{Vector, cgroup_kind};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use self::kernel::Call;
use crate::events::{Table, rules, table};
use crate::session_fields::session;

/// A world in which the number of a cgroup is its kind.
struct Kinds {
    table: Table,
    container: Container,
    session: Session,
}

impl World for Kinds {
    fn process(&self, key: ProcKey) -> Option<&Process> {
        self.table.process(key)
    }

    fn session(&self, _: ProcKey) -> Option<&Session> {
        Some(&self.session)
    }

    fn container(&self, cgroup: u64) -> Membership<'_> {
        match u32::try_from(cgroup) {
            Ok(cgroup_kind::HOST) => Membership::Host,
            Ok(cgroup_kind::CONTAINER) => Membership::Container(&self.container),
            _ => Membership::Unknown,
        }
    }
}

fn kinds() -> Kinds {
    let container = Container {
        id: "0123456789abcdef".repeat(4).into(),
        runtime: Some("docker".into()),
        details: Some(komainu::event::ContainerDetails {
            name: "host".into(),
            image_repository: "nginx".into(),
            privileged: Some(true),
            ..Default::default()
        }),
        ..Container::default()
    };
    Kinds {
        table: table(),
        container,
        session: session(),
    }
}

/// What came of one call under some rules.
struct Outcome {
    /// Rules that match.
    hits: Vec<u32>,
    /// Rules that match of those that the filter left.
    left: Vec<u32>,
    /// What the filter left, by what the kernel knows and by what the event tells.
    vectors: [Vector; 2],
}

/// Evaluates a call in full and behind the filter.
fn evaluate(rules: &RuleSet, plan: &Plan, call: &Call) -> Outcome {
    let (record, world) = (call.record(), kinds());
    let mut memory = decode::Scratch::default();
    let mut event = decode(&record, Clock::default(), &mut memory)
        .unwrap()
        .event
        .unwrap();
    event.number = 1;
    let class = event.ty.class.unwrap();
    let tables = plan.class(class).unwrap();
    let vector = call.facts(|facts| survivors(tables, facts));
    let by_event = survivors(tables, &Facts::of(&event, &world));
    let mut scratch = Scratch::default();
    let hits = rules
        .evaluate(&event, &world, Matching::All, &mut scratch)
        .to_vec();
    let tried = |rule: u32| plan.may_match(class, &vector, rule);
    let left = rules.evaluate_only(&event, &world, Matching::All, &mut scratch, &tried);
    Outcome {
        hits,
        left: left.to_vec(),
        vectors: [vector, by_event],
    }
}

#[test]
fn what_a_rule_matches_passes_the_filter() {
    // `PROPTEST_CASES` asks for more.
    let config = Config {
        cases: Config::default().cases * 2,
        failure_persistence: None,
        ..Config::default()
    };
    let cases = usize::try_from(config.cases).unwrap();
    let (matched, filtered) = (Cell::new(0), Cell::new(0));
    let input = (
        random::rule_file(),
        proptest::collection::vec(calls::call(), 12),
    );
    let run = TestRunner::new(config).run(&input, |(file, calls)| {
        let loaded = load(
            &[Source::new("f.yaml", file.clone())],
            &LoadOptions::default(),
        );
        let why = loaded.errors().next().map(|error| error.message.clone());
        let Some(rules) = loaded.rules else {
            return Err(TestCaseError::fail(format!("{file}\n{why:?}")));
        };
        let plan = rules.plan();
        for call in &calls {
            let outcome = evaluate(&rules, &plan, call);
            let class = match call.what {
                kernel::What::Open(_) => komainu_common::Class::OPEN,
                kernel::What::Connect(_) => komainu_common::Class::CONNECT,
            };
            for vector in &outcome.vectors {
                for rule in &outcome.hits {
                    if !plan.may_match(class, vector, *rule) {
                        return Err(TestCaseError::fail(format!(
                            "{file}\n{call:?}\nrule {rule}"
                        )));
                    }
                }
            }
            if outcome.left != outcome.hits {
                return Err(TestCaseError::fail(format!(
                    "{file}\n{call:?}\n{:?}",
                    outcome.left
                )));
            }
            let ruled_out = |rule: &u32| !plan.may_match(class, &outcome.vectors[0], *rule);
            matched.set(matched.get() + outcome.hits.len());
            filtered.set(filtered.get() + (0..3).filter(ruled_out).count());
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    // The test says nothing if rules never match or nothing is ever filtered.
    // Of 36 evaluations in each case.
    assert!(matched.get() > 3 * cases, "{} matched", matched.get());
    assert!(filtered.get() > 6 * cases, "{} filtered", filtered.get());
    eprintln!(
        "{cases} cases: {} matched, {} filtered",
        matched.get(),
        filtered.get()
    );
}

fn open(path: &str) -> kernel::OpenCall {
    kernel::OpenCall {
        call: "openat",
        asked: Some(path.to_owned()),
        base: None,
        resolved: Some(path.to_owned()),
        flags: 0,
        mode: 0,
        facts: 0,
        ret: 3,
    }
}

fn passes(plan: &Plan, call: kernel::OpenCall) -> bool {
    let call = Call {
        what: kernel::What::Open(call),
        kind: cgroup_kind::CONTAINER,
    };
    let tables = plan.class(komainu_common::Class::OPEN).unwrap();
    let vector = call.facts(|facts| survivors(tables, facts));
    vector.iter().any(|word| *word != 0)
}

#[test]
fn each_test_filters_what_it_is_about() {
    let filters = |condition: &str, change: &dyn Fn(&mut kernel::OpenCall)| {
        let condition = serde_json::to_string(condition).unwrap();
        let rules = rules(&format!(
            "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: {condition}\n"
        ));
        let plan = rules.plan();
        let mut other = open("/etc/shadow");
        change(&mut other);
        assert!(passes(&plan, open("/etc/shadow")), "{condition}");
        assert!(!passes(&plan, other), "{condition}");
    };
    let path = |path: &'static str| {
        move |call: &mut kernel::OpenCall| {
            call.asked = Some(path.to_owned());
            call.resolved = Some(path.to_owned());
        }
    };
    let opens = "evt.type in (open, openat)";
    for condition in [
        "fd.name = /etc/shadow",
        "fd.name in (/etc/shadow, /x)",
        "fd.name startswith /etc",
        "fd.name pmatch (/etc)",
        "fd.name endswith /shadow",
        "fd.name glob /etc/s*",
        "fd.directory = /etc",
        "fd.filename = shadow",
        "basename(fd.name) in (shadow, passwd)",
        "evt.arg.name = /etc/shadow",
        "fs.path.name startswith /etc/",
        "(fd.name = /a or fd.name startswith /etc)",
        "(fd.name contains a and fd.name = /etc/shadow)",
    ] {
        filters(&format!("{opens} and {condition}"), &path("/tmp/x"));
    }
    filters(&format!("{opens} and fd.num >= 0"), &|call| {
        (call.ret, call.resolved) = (-2, None);
    });
    filters(&format!("{opens} and evt.res = SUCCESS"), &|call| {
        (call.ret, call.resolved) = (-2, None);
    });
    filters(&format!("{opens} and evt.is_open_read = true"), &|call| {
        call.flags = 1;
    });
    filters(
        &format!("{opens} and not evt.arg.flags contains O_TRUNC"),
        &|call| {
            call.flags = 0o1000;
        },
    );
    filters(&format!("{opens} and fd.type = file"), &|call| {
        call.flags = O_DIRECTORY;
    });
    filters(opens, &|call| call.call = "openat2");
}

/// The signature of a path must not be so full that it has everybody's bits, however long the path is.
#[test]
fn long_paths_that_rules_do_not_mention_are_filtered() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut word = || -> String { (0..8).map(|_| random.lowercase()).collect() };
    let texts: Vec<String> = (0..60)
        .map(|_| format!("fd.name contains /.{}/{}_", word(), word()))
        .collect();
    let condition = format!("evt.type = openat and ({})", texts.join(" or "));
    let rules = rules(&format!(
        "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: {condition}\n"
    ));
    let plan = rules.plan();
    let paths: Vec<String> = (0..2000)
        .map(|_| [(); 9].map(|()| word()).join("/"))
        .map(|path| format!("/{path}"))
        .collect();
    let passed = paths
        .iter()
        .filter(|path| passes(&plan, open(path)))
        .count();
    assert!(passed * 100 <= paths.len(), "{passed} of {}", paths.len());
}

/// A shipped or upstream rule set has room in the tables.
#[test]
fn conjunctions_that_do_not_fit_are_made_coarser() {
    let many = |count: usize, condition: &dyn Fn(usize) -> String| {
        let rules_text: Vec<String> = (0..count)
            .map(|n| {
                let condition = serde_json::to_string(&condition(n)).unwrap();
                format!(
                    "- rule: r{n}\n  desc: d\n  priority: INFO\n  output: o\n  condition: {condition}\n"
                )
            })
            .collect();
        rules(&rules_text.concat())
    };
    // More rules than numbers; more entries than the tables hold; a product that would explode.
    let conditions: [(usize, &dyn Fn(usize) -> String); 3] = [
        (600, &|n| {
            format!("evt.type = openat and fd.name = /file/{n}")
        }),
        (40, &|n| {
            let paths: Vec<String> = (0..500).map(|at| format!("/{n}/{at}")).collect();
            format!("evt.type = openat and fd.name in ({})", paths.join(", "))
        }),
        (2, &|n| {
            let pairs: Vec<String> = (0..40)
                .map(|at| format!("(fd.name = /{n}/{at} or evt.rawres = {at})"))
                .collect();
            format!("evt.type = openat and {}", pairs.join(" and "))
        }),
    ];
    for (count, condition) in conditions {
        let rules = many(count, condition);
        let plan = rules.plan();
        let tables = plan.class(komainu_common::Class::OPEN).unwrap();
        assert!(tables.len() <= 256, "{}", tables.len());
        assert!(tables.path_entries() <= 8192);
        for path in ["/file/7", "/file/599", "/3/77", "/39/499", "/0/0", "/1/39"] {
            let mut call = open(path);
            call.ret = 3;
            let call = Call {
                what: kernel::What::Open(call),
                kind: cgroup_kind::HOST,
            };
            let outcome = evaluate(&rules, &plan, &call);
            assert_eq!(outcome.left, outcome.hits, "{path}");
        }
    }
}
