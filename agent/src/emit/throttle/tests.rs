//! Shown + told = made, whatever repeats.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const WINDOW: Duration = Duration::from_mins(1);

fn throttle(burst: u64, max_keys: usize) -> Throttle {
    Throttle::new(Settings {
        window: WINDOW,
        burst,
        max_keys,
        keys: Output::of_fields(["container.id", "proc.exepath"]).unwrap(),
        rules: Vec::new(),
        except: vec!["audit".into(), "Noisy *".into()],
    })
}

fn rules() -> Arc<str> {
    "of the rules".into()
}

#[test]
fn the_first_is_shown_and_the_others_are_told() {
    let (began, rules) = (Instant::now(), rules());
    let mut throttle = throttle(2, 10);
    let shown: Vec<bool> = (0..500)
        .map(|n| {
            throttle.pass(
                "r",
                "Warning",
                r#"{"proc.exepath":"/bin/x"}"#,
                1_000 + n,
                began,
            )
        })
        .collect();
    assert_eq!(shown.iter().filter(|shown| **shown).count(), 2);
    assert!(shown[0] && shown[1]);
    let mut told = Vec::new();
    throttle.settle(&rules, began + WINDOW / 2, |repeats| told.push(repeats));
    assert!(told.is_empty(), "its time is not over");
    throttle.settle(&rules, began + WINDOW, |repeats| told.push(repeats));
    let expected = Repeats {
        rule: "r".into(),
        priority: "Warning",
        key: vec!["proc.exepath=/bin/x".into()],
        held: Held {
            count: 498,
            first: 1_002,
            last: 1_499,
        },
        seconds: 60,
    };
    assert_eq!(told, [expected]);
    assert!(throttle.is_empty());
    assert!(throttle.pass("r", "Warning", "{}", 5, began + WINDOW));
}

#[test]
fn other_rules_end_every_window() {
    let (began, before) = (Instant::now(), rules());
    let mut throttle = throttle(1, 10);
    let mut told = 0;
    throttle.settle(&before, began, |_| told += 1);
    for _ in 0..3 {
        throttle.pass("r", "Warning", "{}", 1, began);
    }
    throttle.settle(&before, began, |_| told += 1);
    assert_eq!((told, throttle.len()), (0, 1));
    throttle.settle(&rules(), began, |repeats| told += repeats.held.count);
    assert_eq!((told, throttle.len()), (2, 0));
}

#[test]
fn rules_are_chosen_by_name_or_tag() {
    let mut throttle = throttle(1, 10);
    let tags = |tags: &[&str]| -> Vec<String> { tags.iter().map(|t| (*t).into()).collect() };
    assert!(throttle.concerns("Read", &tags(&["files"])));
    assert!(!throttle.concerns("Read", &tags(&["files", "audit"])));
    assert!(!throttle.concerns("Noisy one", &[]));
    throttle.settings.rules = vec!["Read".into(), "network".into()];
    assert!(throttle.concerns("Read", &[]));
    assert!(throttle.concerns("Connect", &tags(&["network"])));
    assert!(!throttle.concerns("Write", &tags(&["files"])));
    assert!(!throttle.concerns("Read", &tags(&["audit"])));
}

#[test]
fn long_values_differ_where_they_are_cut() {
    let of = |end: &str| {
        let value = format!("{}{end}", "x".repeat(5_000));
        let fields = json!({ "proc.exepath": value });
        key(fields.as_object().unwrap().clone())
    };
    assert_ne!(of("a"), of("b"));
    assert_eq!(of("a"), of("a"));
    assert!(of("a").len() < 400);
    let pairs = |a: &str, b: &str| key(json!({ "a": a, "b": b }).as_object().unwrap().clone());
    assert_ne!(pairs("x\",\"b\":\"y", "z"), pairs("x", "y\",\"b\":\"z"));
}

proptest! {
    #[test]
    fn shown_and_told_are_what_was_made(
        burst in 1_u64..4,
        max_keys in 1_usize..6,
        acts in prop::collection::vec((0_usize..3, 0_usize..4, 0_u64..40, any::<bool>()), 0..200),
    ) {
        let mut throttle = throttle(burst, max_keys);
        let (mut now, mut in_force) = (Instant::now(), rules());
        let names = ["a", "b", "c"];
        let (mut made, mut shown, mut told) = ([0; 3], [0; 3], [0; 3]);
        let mut tell = |repeats: Repeats| {
            assert!(repeats.held.count > 0 && repeats.held.first <= repeats.held.last);
            let rule = names.iter().position(|name| *name == repeats.rule).unwrap();
            told[rule] += repeats.held.count;
        };
        let mut known = std::collections::BTreeMap::new();
        for (time, (rule, key, seconds, reload)) in acts.into_iter().enumerate() {
            now += Duration::from_secs(seconds);
            if reload && seconds == 0 {
                in_force = rules();
            }
            throttle.settle(&in_force, now, &mut tell);
            made[rule] += 1;
            let passed = throttle.pass(names[rule], "Error", &key.to_string(), time as u64, now);
            shown[rule] += u64::from(passed);
            let last = known.insert((rule, key), now);
            let is_first = last.is_none_or(|last| now.duration_since(last) >= WINDOW);
            prop_assert!(passed || !is_first, "the first is always shown");
            prop_assert!(throttle.len() <= max_keys && throttle.ends.len() == throttle.len());
        }
        throttle.finish(now, &mut tell);
        for rule in 0..3 {
            prop_assert_eq!(made[rule], shown[rule] + told[rule]);
        }
    }
}
