//! When the names of a container are asked for, and who waits for them.

use std::sync::Arc;

use super::*;
use crate::enrich::users::{Question, Refusal};
use crate::event::ProcKey;

const SECOND: u64 = 1_000_000_000;

fn asked(containers: &mut Containers, cgroup: u64, now: u64) -> Option<Question> {
    let mut question = None;
    containers.ask_names(cgroup, now, |asked| {
        question = Some(asked);
        true
    });
    question
}

/// Container 7 in cgroup 1, as the runtime told it.
fn known() -> Containers {
    let mut containers = Containers::new(64).with_names();
    containers.hear(News::Reach(Source::Runtime, Reach::Up), 0);
    containers.learn(1, pod_path(7).as_bytes());
    containers.hear(told(7), 0);
    containers
}

/// What the runtime tells of container 7 when this is its init.
fn running(init: u32) -> News {
    let News::Container(mut container) = told(7) else {
        unreachable!()
    };
    container.details.as_mut().unwrap().pid = init;
    News::Container(container)
}

#[test]
fn the_runtime_first_then_the_names() {
    let mut containers = Containers::new(64).with_names();
    containers.hear(News::Reach(Source::Runtime, Reach::Up), 0);
    containers.learn(1, pod_path(7).as_bytes());
    let process = ProcKey::new(5, 0);
    containers.saw(1, process);
    assert_eq!(containers.wait(1), Wait::Identity);
    assert!(
        asked(&mut containers, 1, 0).is_none(),
        "the runtime may tell the init"
    );
    containers.hear(running(77), 0);
    assert_eq!(containers.wait(1), Wait::Names);
    let question = asked(&mut containers, 1, 0).unwrap();
    assert_eq!((question.init, question.process), (Some(77), Some(process)));
    assert_eq!(*question.container, *id(7));
    assert!(asked(&mut containers, 1, SECOND).is_none(), "under way");
    containers.hear_names(&id(7), Ok(None));
    assert!(containers.take_changed());
    assert_eq!(containers.wait(1), Wait::No);
    assert!(asked(&mut containers, 1, SECOND / 2).is_none(), "known");
    assert!(
        asked(&mut containers, 1, SECOND).is_some(),
        "may have changed"
    );
}

#[test]
fn a_full_channel_is_asked_again() {
    let mut containers = known();
    containers.ask_names(1, 0, |_| false);
    assert!(asked(&mut containers, 1, 0).is_some());
}

#[test]
fn who_is_gone_is_not_waited_for_long() {
    let mut containers = known();
    for turn in 0..3 {
        assert_eq!(containers.wait(1), Wait::Names);
        let at = turn * 20_000_000;
        assert!(asked(&mut containers, 1, at).is_some());
        assert!(asked(&mut containers, 1, at + 1).is_none());
        containers.hear_names(&id(7), Err(Refusal::Gone));
    }
    assert_eq!(containers.wait(1), Wait::No);
    let mut containers = known();
    assert!(asked(&mut containers, 1, 0).is_some());
    containers.hear_names(&id(7), Err(Refusal::Hangs));
    assert_eq!(containers.wait(1), Wait::No);
}

/// Without a runtime to tell when a container is set up, its first process has the host's root for a while.
#[test]
fn a_slow_runtime_is_waited_for() {
    let mut containers = Containers::new(64).with_names();
    containers.learn(1, pod_path(7).as_bytes());
    for turn in 0..50 {
        assert_eq!(containers.wait(1), Wait::Names);
        assert!(asked(&mut containers, 1, turn * 20_000_000).is_some());
        containers.hear_names(&id(7), Err(Refusal::HostRoot));
    }
    containers.hear_names(&id(7), Ok(Some(Arc::default())));
    assert_eq!(containers.wait(1), Wait::No);
    assert!(containers.names(1).is_some());
    // One that the runtime told of is set up: it shares the host's root.
    let mut containers = known();
    containers.hear(running(77), 0);
    for turn in 0..3 {
        assert_eq!(containers.wait(1), Wait::Names);
        assert!(asked(&mut containers, 1, turn * 20_000_000).is_some());
        containers.hear_names(&id(7), Err(Refusal::HostRoot));
    }
    assert_eq!(containers.wait(1), Wait::No);
}

/// No name is better than one that was right before.
#[test]
fn names_without_room_are_none() {
    let mut containers = known();
    assert!(asked(&mut containers, 1, 0).is_some());
    containers.hear_names(&id(7), Ok(Some(Arc::default())));
    assert!(containers.names(1).is_some());
    assert!(asked(&mut containers, 1, SECOND).is_some());
    containers.hear_names(&id(7), Err(Refusal::NoRoom));
    assert!(containers.names(1).is_none());
    assert_eq!(containers.wait(1), Wait::No);
}

#[test]
fn neither_host_nor_the_inner_of_two() {
    let mut containers = known();
    containers.learn(2, b"/system.slice");
    containers.learn(3, format!("{}/docker/{ID}", pod_path(7)).as_bytes());
    containers.hear(News::NoContainer(ID.into()), 0);
    assert_eq!(containers.wait(2), Wait::No);
    assert!(asked(&mut containers, 2, 0).is_none());
    assert_eq!(
        containers.of(3),
        containers.of(1),
        "counts as the outer one"
    );
    assert_eq!(
        containers.wait(3),
        Wait::No,
        "whose files its processes do not see"
    );
    assert!(asked(&mut containers, 3, 0).is_none());
    // Of a container that is not known any more it is no news.
    containers.hear_names(&id(8), Err(Refusal::Gone));
}
