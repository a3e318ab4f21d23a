//! The kernel filter on real calls: what a rule matches passes, and what passes is what the model of the
//! plan's tables says.

use std::collections::HashSet;

use komainu::{
    event::{Membership, ProcKey, Process, World},
    kernel::CgroupKinds,
    rules::{
        LoadOptions, Matching, Plan, RuleSet, Scratch, Source, load,
        plan::model::{Facts, survivors},
    },
};
use komainu_common::{Class, filter::Vector};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use self::random::{ODD_PATHS, PATHS, rule_file};
use crate::{
    Test,
    random_calls::call_file,
    watch::{Seen, Watch, perform},
};

#[path = "../rules/plan/random.rs"]
mod random;

pub(crate) const TESTS: &[Test] = &[
    ("filter_is_sound_for_random_rules", for_random_rules),
    (
        "filter_is_sound_for_random_rules_of_calls",
        for_random_rules_of_calls,
    ),
    (
        "filter_ends_what_no_rule_is_about",
        ends_what_no_rule_is_about,
    ),
    (
        "filter_finds_last_names_wherever_they_begin",
        finds_last_names_wherever_they_begin,
    ),
    ("filter_is_swapped_whole", is_swapped_whole),
];

/// Rule files that are tried.
const FILES: usize = 60;

/// A world in which every cgroup is of one kind.
struct Everywhere(Membership<'static>);

impl World for Everywhere {
    fn process(&self, _: ProcKey) -> Option<&Process> {
        None
    }

    fn container(&self, _: u64) -> Membership<'_> {
        self.0
    }
}

fn rules(file: &str) -> RuleSet {
    let loaded = load(&[Source::new("f.yaml", file)], &LoadOptions::default());
    let shown = loaded.render(false);
    loaded.rules.unwrap_or_else(|| panic!("{file}\n{shown}"))
}

fn put_in_force(watch: &mut Watch, plan: &Plan, audit: bool) -> u32 {
    let generation = watch.kernel.prepare(&plan.into(), audit).unwrap();
    watch.kernel.commit().unwrap();
    generation
}

/// Opens every path, by every name that leads there, in every mode.
fn open_everything(watch: &mut Watch) -> (u32, Seen) {
    let paths = [PATHS, ODD_PATHS].concat();
    let ((child, _), seen) = watch.during(|| perform("open-all", &paths));
    (child, seen)
}

/// What the test counts, so that it cannot pass by doing nothing.
#[derive(Debug, Default)]
struct Counts {
    events: usize,
    matched: usize,
    ended: usize,
    exact: usize,
}

fn for_random_rules(watch: &mut Watch) {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut kinds = watch.kernel.cgroup_kinds().unwrap();
    let worlds = [
        Everywhere(Membership::Unknown),
        Everywhere(Membership::Host),
        Everywhere(Membership::Container(Box::leak(Box::default()))),
    ];
    let mut counts = Counts::default();
    for number in 0..FILES {
        let file = rule_file().new_tree(&mut runner).unwrap().current();
        let rules = rules(&file);
        let world = &worlds[number % worlds.len()];
        one_file(watch, &rules, world, &mut kinds, &mut counts)
            .unwrap_or_else(|what| panic!("{file}\n{what}"));
    }
    put_in_force(watch, &Plan::default(), false);
    println!("{counts:?}");
    assert!(counts.events > 40 * FILES, "{counts:?}");
    assert!(counts.matched > FILES, "{counts:?}");
    assert!(counts.ended > 5 * FILES, "{counts:?}");
    assert!(counts.exact > counts.events / 2, "{counts:?}");
}

fn one_file(
    watch: &mut Watch,
    rules: &RuleSet,
    world: &Everywhere,
    kinds: &mut CgroupKinds,
    counts: &mut Counts,
) -> Result<(), String> {
    let plan = rules.plan();
    let tables = plan.class(Class::OPEN).unwrap();
    let generation = put_in_force(watch, &plan, true);
    tell_kind(watch, world, kinds);
    let (child, seen) = open_everything(watch);
    let mut scratch = Scratch::default();
    let checks = seen.of(child, |decoded| {
        let event = decoded.event.as_ref()?;
        let header = &decoded.header;
        (event.ty.class == Some(Class::OPEN) && header.plan == generation).then(|| {
            let left = header.conjunctions;
            let model = survivors(tables, &Facts::of(event, world));
            let hits = rules.evaluate(event, world, Matching::All, &mut scratch);
            counts.events += 1;
            counts.matched += hits.len();
            counts.ended += usize::from(left == Vector::default());
            counts.exact += usize::from(left == model);
            let hidden = hits.iter().find(|rule| !tables.leaves(&left, **rule));
            if let Some(rule) = hidden {
                return Err(format!("rule {rule} matches and is filtered: {event:?}"));
            }
            if model
                .iter()
                .zip(&left)
                .any(|(model, left)| model & !left != 0)
            {
                return Err(format!(
                    "{left:x?} left, {model:x?} by the model: {event:?}"
                ));
            }
            Ok(())
        })
    });
    checks.into_iter().collect()
}

/// The same of other classes: what a rule matches passes. The model knows no paths of theirs.
fn for_random_rules_of_calls(watch: &mut Watch) {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut kinds = watch.kernel.cgroup_kinds().unwrap();
    let world = Everywhere(Membership::Host);
    tell_kind(watch, &world, &mut kinds);
    let mut counts = Counts::default();
    for _ in 0..FILES {
        let file = call_file().new_tree(&mut runner).unwrap().current();
        one_file_of_calls(watch, &rules(&file), &world, &mut counts)
            .unwrap_or_else(|what| panic!("{file}\n{what}"));
    }
    put_in_force(watch, &Plan::default(), false);
    println!("{counts:?}");
    assert!(counts.events > 40 * FILES, "{counts:?}");
    assert!(counts.matched > 5 * FILES, "{counts:?}");
    assert!(counts.ended > 20 * FILES, "{counts:?}");
}

fn one_file_of_calls(
    watch: &mut Watch,
    rules: &RuleSet,
    world: &Everywhere,
    counts: &mut Counts,
) -> Result<(), String> {
    let plan = rules.plan();
    let generation = put_in_force(watch, &plan, true);
    let ((child, _), seen) = watch.during(|| perform("calls", &[]));
    let mut scratch = Scratch::default();
    let checks = seen.of(child, |decoded| {
        let event = decoded.event.as_ref()?;
        let header = &decoded.header;
        let class = event.ty.class?;
        let filtered = plan.class(class).is_some() && header.plan == generation;
        filtered.then(|| {
            let hits = rules.evaluate(event, world, Matching::All, &mut scratch);
            counts.events += 1;
            counts.matched += hits.len();
            counts.ended += usize::from(header.conjunctions == Vector::default());
            let mut hits = hits.iter();
            let hidden = hits.find(|rule| !plan.may_match(class, &header.conjunctions, **rule));
            match hidden {
                Some(rule) => Err(format!("rule {rule} matches and is filtered: {event:?}")),
                None => Ok(()),
            }
        })
    });
    checks.into_iter().collect()
}

/// Tells the kernel half what kind the cgroup is that acts run in.
fn tell_kind(watch: &mut Watch, world: &Everywhere, kinds: &mut CgroupKinds) {
    let is_container = match world.0 {
        Membership::Unknown => return,
        Membership::Host => false,
        Membership::Container(_) => true,
    };
    let ((child, _), seen) = watch.during(|| perform("open", &["/etc/passwd"]));
    let cgroups: HashSet<u64> = seen
        .of(child, |decoded| Some(decoded.header.cgroup))
        .into_iter()
        .collect();
    for cgroup in cgroups {
        kinds.tell(cgroup, is_container).unwrap();
    }
}

fn shadow_rule(name: &str, path: &str) -> RuleSet {
    rules(&format!(
        "- rule: {name}\n  desc: d\n  priority: INFO\n  output: o\n  \
         condition: evt.type in (open, openat) and fd.name = {path}\n"
    ))
}

/// Names that processes of an act opened.
fn opened(child: u32, seen: &Seen) -> Vec<String> {
    seen.of(child, |decoded| {
        let event = decoded.event.as_ref()?;
        let fd = event
            .fd
            .as_ref()
            .filter(|_| event.ty.class == Some(Class::OPEN))?;
        Some(String::from_utf8_lossy(fd.name).into_owned())
    })
}

fn ends_what_no_rule_is_about(watch: &mut Watch) {
    let before = counters(watch);
    put_in_force(watch, &shadow_rule("r", "/etc/shadow").plan(), false);
    let (child, seen) = open_everything(watch);
    put_in_force(watch, &Plan::default(), false);
    let names = opened(child, &seen);
    // By any name: the rule holds for the kernel's path too; and where a name is not canonical, which the
    // kernel half leaves to the rules.
    assert!(names.iter().any(|name| name == "/etc/shadow"), "{names:?}");
    assert!(!names.iter().any(|name| name == "/dev/sda"), "{names:?}");
    let after = counters(watch);
    let filtered = after.filtered - before.filtered;
    assert!(filtered >= 20, "{filtered} filtered");
    let told = |c: komainu_common::ledger::ClassCounters| {
        c.emitted + c.filtered + c.lost_ring + c.lost_internal
    };
    assert_eq!(after.seen, told(after), "{after:?}");
}

/// A rule about a last name holds below a directory of any length that fits, and of one that does not.
fn finds_last_names_wherever_they_begin(watch: &mut Watch) {
    let file = "- rule: Named\n  desc: d\n  condition: evt.type in (open, openat) and fd.filename = secret\n  \
         output: o\n  priority: INFO\n";
    let set = rules(file);
    put_in_force(watch, &set.plan(), false);
    let root = tempfile::tempdir().unwrap();
    let above = root.path().as_os_str().len() + "//".len();
    let mut paths = Vec::new();
    for start in above + 1..=200 {
        let directory = root.path().join("d".repeat(start - above));
        std::fs::create_dir(&directory).unwrap();
        let file = directory.join("secret");
        std::fs::write(&file, "").unwrap();
        paths.push(file.to_str().unwrap().to_owned());
    }
    let names: Vec<&str> = paths.iter().map(String::as_str).collect();
    let ((child, _), seen) = watch.during(|| perform("open-all", &names));
    put_in_force(watch, &Plan::default(), false);
    let passed: HashSet<String> = opened(child, &seen).into_iter().collect();
    let hidden: Vec<&String> = paths
        .iter()
        .filter(|path| !passed.contains(*path))
        .collect();
    assert!(hidden.is_empty(), "{hidden:#?}");
}

fn counters(watch: &Watch) -> komainu_common::ledger::ClassCounters {
    let all = watch.kernel.counters().unwrap();
    let open = all.iter().find(|report| report.class == Class::OPEN);
    open.unwrap().counters
}

/// While plans are swapped, no open of a file that each of them is about is missed.
fn is_swapped_whole(watch: &mut Watch) {
    let both = |other: &str| {
        rules(&format!(
            "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  \
             condition: evt.type in (open, openat) and fd.name in (/etc/hostname, {other})\n"
        ))
        .plan()
    };
    let plans = [both("/a"), both("/b"), both("/c")];
    put_in_force(watch, &plans[0], false);
    let acting = std::thread::spawn(|| perform("open-flood", &["/etc/hostname", "3000"]));
    let (swaps, seen) = watch.during_with(|kernel| {
        let mut swaps = 0_usize;
        while !acting.is_finished() {
            kernel
                .prepare(&(&plans[swaps % plans.len()]).into(), false)
                .unwrap();
            kernel.commit().unwrap();
            swaps += 1;
        }
        swaps
    });
    let (child, _) = acting.join().unwrap();
    put_in_force(watch, &Plan::default(), false);
    let names = opened(child, &seen);
    let opens = names.iter().filter(|name| *name == "/etc/hostname").count();
    assert_eq!(opens, 3000, "{swaps} swaps");
    assert!(swaps > 3, "{swaps} swaps");
}
