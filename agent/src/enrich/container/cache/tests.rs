//! What containers are known as, in whatever order it becomes known.

use proptest::prelude::*;

use super::*;
use crate::enrich::identity::{Reach, Source};
use crate::event::{Container, ContainerDetails, Owner, Pod, PodObject};

const ID: &str = "e1ba3b2f5f3c4d2a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f60";

fn id(n: u64) -> String {
    format!("{n:064x}")
}

fn uid(n: u64) -> String {
    format!("0a1b2c3d-4e5f-6071-8293-{n:012x}")
}

/// The path of container `n` in pod `n`, as containerd with the systemd driver names it.
fn pod_path(n: u64) -> String {
    let uid = uid(n).replace('-', "_");
    let slice = format!("kubepods.slice/kubepods-pod{uid}.slice");
    format!("/{slice}/cri-containerd-{}.scope", id(n))
}

/// What the runtime tells of container `n`.
fn told(n: u64) -> News {
    News::Container(Box::new(Container {
        id: id(n).into(),
        runtime: Some("containerd".into()),
        details: Some(ContainerDetails {
            name: format!("main-{n}").into(),
            image: "registry/web:1".into(),
            ..ContainerDetails::default()
        }),
        pod: Some(Pod {
            uid: Some(uid(n).into()),
            name: Some(format!("web-{n}").into()),
            namespace: Some("shop".into()),
            labels: vec![("app".into(), "then".into())],
            ..Pod::default()
        }),
    }))
}

/// What the API server tells of pod `n`.
fn pod(n: u64) -> News {
    News::Pod(Box::new(PodNews {
        uid: uid(n).into(),
        name: format!("web-{n}").into(),
        namespace: "shop".into(),
        labels: vec![("app".into(), "now".into())],
        annotations: vec![("note".into(), "x".into())],
        ip: Some("10.0.0.1".into()),
        object: PodObject {
            owner: Some(Owner {
                kind: "Deployment".into(),
                name: format!("web-{n}").into(),
            }),
            ..PodObject::default()
        },
    }))
}

fn up(source: Source) -> News {
    News::Reach(source, Reach::Up)
}

fn container(containers: &Containers, cgroup: u64) -> &Container {
    match containers.of(cgroup) {
        Membership::Container(container) => container,
        other => panic!("{other:?}"),
    }
}

fn resolution(containers: &Containers, cgroup: u64) -> Resolution {
    containers.resolution(cgroup).0
}

#[test]
fn learns_once_and_stays_bounded() {
    let mut containers = Containers::new(4);
    assert!(matches!(containers.of(1), Membership::Unknown));
    assert!(containers.learn(1, format!("/docker/{ID}").as_bytes()));
    assert!(!containers.learn(1, b"/"));
    assert!(matches!(containers.of(1), Membership::Container(c) if &*c.id == ID));
    for cgroup in 2..100 {
        assert!(containers.learn(cgroup, b"/system.slice"));
        assert!(
            matches!(containers.of(1), Membership::Container(_)),
            "in use"
        );
    }
    assert!(matches!(containers.of(99), Membership::Host));
    assert_eq!(containers.evicted(), 95);
}

#[test]
fn not_known_is_not_the_host() {
    let mut containers = Containers::new(4);
    assert!(!containers.learn(0, b"/system.slice"));
    assert!(!containers.learn(7, b""));
    for cgroup in [0, 7] {
        assert!(matches!(containers.of(cgroup), Membership::Unknown));
        assert_eq!(resolution(&containers, cgroup), Resolution::CgroupUnknown);
    }
    assert_eq!(containers.wait(0), Wait::No, "no path will ever come");
    assert_eq!(containers.wait(7), Wait::Path);
    assert!(containers.learn(7, b"/"));
    assert!(matches!(containers.of(7), Membership::Host));
    assert_eq!(containers.wait(7), Wait::No);
}

/// Groups nested deeply inside a container do not lead out of it.
#[test]
fn long_paths_count_whole() {
    let mut containers = Containers::new(4);
    assert!(containers.learn(1, format!("/docker/{ID}{}", "/deep".repeat(700)).as_bytes()));
    assert!(matches!(containers.of(1), Membership::Container(c) if &*c.id == ID));
}

#[test]
fn nested_groups_share_a_container() {
    let mut containers = Containers::new(8);
    containers.learn(1, pod_path(5).as_bytes());
    containers.learn(2, format!("{}/init.scope", pod_path(5)).as_bytes());
    containers.hear(told(5), 0);
    assert!(std::ptr::eq(
        container(&containers, 1),
        container(&containers, 2)
    ));
    assert_eq!(
        container(&containers, 2)
            .pod
            .as_ref()
            .unwrap()
            .name
            .as_deref(),
        Some("web-5")
    );
}

#[test]
fn waits_as_long_as_more_can_come() {
    let mut containers = Containers::new(8);
    containers.learn(1, pod_path(1).as_bytes());
    assert_eq!(
        (containers.wait(1), resolution(&containers, 1)),
        (Wait::No, Resolution::ContainerOnly)
    );
    assert_eq!(containers.to_ask(1), None, "nobody to ask");
    containers.hear(up(Source::Runtime), 0);
    containers.hear(up(Source::Cluster), 0);
    assert!(containers.take_changed() && !containers.take_changed());
    assert_eq!(containers.wait(1), Wait::Identity);
    assert_eq!(containers.to_ask(1), Some(&*id(1)));
    containers.hear(News::NoContainer(id(1).into()), 0);
    assert_eq!(
        containers.wait(1),
        Wait::Identity,
        "it may be told of later"
    );
    assert_eq!(resolution(&containers, 1), Resolution::NoSuchContainer);
    containers.hear(told(1), 0);
    assert_eq!(containers.to_ask(1), None);
    assert_eq!(
        (containers.wait(1), resolution(&containers, 1)),
        (Wait::Identity, Resolution::ApiUnknownPod)
    );
    containers.hear(News::NoContainer(id(1).into()), 0);
    containers.hear(pod(1), 0);
    assert_eq!(
        (containers.wait(1), resolution(&containers, 1)),
        (Wait::No, Resolution::Complete)
    );
}

#[test]
fn who_gives_up_is_complete_later() {
    let mut containers = Containers::new(8);
    containers.hear(up(Source::Runtime), 0);
    containers.learn(1, pod_path(1).as_bytes());
    containers.give_up(1, GivenUp::TooMany);
    containers.give_up(2, GivenUp::Late);
    containers.give_up(3, GivenUp::TooMany);
    for cgroup in 1..4 {
        assert_eq!(containers.wait(cgroup), Wait::No);
    }
    assert_eq!(resolution(&containers, 1), Resolution::TooManyWaiting);
    assert_eq!(resolution(&containers, 2), Resolution::CgroupUnknown);
    assert_eq!(resolution(&containers, 3), Resolution::TooManyWaiting);
    containers.hear(told(1), 0);
    containers.learn(2, b"/system.slice");
    assert_eq!(resolution(&containers, 1), Resolution::Complete);
    assert_eq!(resolution(&containers, 2), Resolution::Host);
}

#[test]
fn what_was_removed_is_known_for_a_while() {
    let mut containers = Containers::new(8);
    containers.hear(up(Source::Runtime), 0);
    for news in [
        told(1),
        pod(1),
        News::Removed(id(1).into()),
        News::PodGone(uid(1).into()),
    ] {
        containers.hear(news, 1000);
    }
    containers.learn(1, pod_path(1).as_bytes());
    containers.expire(1000 + LINGER - 1);
    assert_eq!(resolution(&containers, 1), Resolution::Complete);
    let owner = container(&containers, 1)
        .pod
        .as_ref()
        .unwrap()
        .cluster
        .clone();
    assert_eq!(*owner.unwrap().owner.unwrap().name, *"web-1");
    containers.expire(1000 + LINGER);
    assert_eq!(containers.sizes(), [0, 0, 0]);
    assert!(matches!(containers.of(1), Membership::Unknown));
}

#[test]
fn what_came_back_stays() {
    let mut containers = Containers::new(8);
    containers.hear(told(1), 0);
    containers.hear(pod(1), 0);
    for now in 0..3 {
        containers.hear(News::Removed(id(1).into()), now);
        containers.hear(News::PodGone(uid(1).into()), now);
        containers.hear(told(1), now);
        containers.hear(pod(1), now);
    }
    containers.expire(u64::MAX);
    assert_eq!(containers.sizes(), [0, 1, 1]);
}

#[test]
fn thousand_containers_come_and_go() {
    let mut containers = Containers::new(4096);
    containers.hear(up(Source::Runtime), 0);
    containers.hear(up(Source::Cluster), 0);
    let mut largest = 0;
    for n in 1..=1000 {
        let now = n * LINGER / 20;
        containers.hear(pod(n), now);
        containers.hear(told(n), now);
        containers.learn(2 * n, pod_path(n).as_bytes());
        containers.learn(2 * n + 1, format!("{}/init", pod_path(n)).as_bytes());
        let name = format!("web-{n}");
        for cgroup in [2 * n, 2 * n + 1] {
            let pod = container(&containers, cgroup).pod.as_ref().unwrap();
            assert_eq!(pod.name.as_deref(), Some(&*name));
        }
        containers.hear(News::Removed(id(n).into()), now);
        containers.hear(News::PodGone(uid(n).into()), now);
        containers.expire(now);
        largest = largest.max(containers.sizes().iter().sum::<usize>());
    }
    assert!(largest <= 4 * 21, "{largest}");
    assert_eq!(containers.evicted(), 0);
}

/// One of each for `n` containers, whose effect must not depend on their order.
#[derive(Clone, Debug)]
enum Step {
    Learn(u64, String),
    Hear(News),
}

fn steps(n: u64) -> Vec<Step> {
    let mut steps = vec![
        Step::Hear(up(Source::Runtime)),
        Step::Hear(up(Source::Cluster)),
        Step::Learn(1000, "/system.slice/sshd.service".into()),
    ];
    for n in 1..=n {
        steps.push(Step::Learn(n, pod_path(n)));
        steps.push(Step::Learn(100 + n, format!("{}/a/b", pod_path(n))));
        steps.push(Step::Hear(told(n)));
        steps.push(Step::Hear(pod(n)));
        // A container of a runtime that nobody asks, and a pod that is gone.
        steps.push(Step::Learn(200 + n, format!("/docker/{}", id(200 + n))));
        steps.push(Step::Learn(300 + n, pod_path(300 + n)));
        steps.push(Step::Hear(told(300 + n)));
    }
    steps
}

fn take(containers: &mut Containers, step: Step) {
    match step {
        Step::Learn(cgroup, path) => {
            containers.learn(cgroup, path.as_bytes());
        }
        Step::Hear(news) => containers.hear(news, 0),
    }
}

/// Everything that can be seen.
fn seen(containers: &Containers, n: u64) -> Vec<(Resolution, Wait, Option<Container>)> {
    let cgroups = (1..=n).flat_map(|n| [n, 100 + n, 200 + n, 300 + n]);
    cgroups
        .chain([1000])
        .map(|cgroup| {
            let container = match containers.of(cgroup) {
                Membership::Container(container) => Some(container.clone()),
                _ => None,
            };
            (
                resolution(containers, cgroup),
                containers.wait(cgroup),
                container,
            )
        })
        .collect()
}

proptest! {
    #[test]
    fn order_has_no_influence(shuffled in Just(steps(4)).prop_shuffle(), denied in 0..8_usize) {
        let mut containers = Containers::new(1024);
        for (at, step) in shuffled.iter().enumerate() {
            take(&mut containers, step.clone());
            // An early answer that a later one corrects.
            if at == denied {
                containers.hear(News::NoContainer(id(1).into()), 0);
            }
            for n in 1..=4 {
                if let Membership::Container(container) = containers.of(n) {
                    let name = container.pod.as_ref().and_then(|pod| pod.name.clone());
                    let right = format!("web-{n}");
                    prop_assert!(name.is_none_or(|name| *name == *right), "never a wrong name");
                }
            }
        }
        let mut ordered = Containers::new(1024);
        for step in steps(4) {
            take(&mut ordered, step);
        }
        prop_assert_eq!(seen(&containers, 4), seen(&ordered, 4));
        prop_assert_eq!(resolution(&containers, 1), Resolution::Complete);
    }

    #[test]
    fn bounded_whatever_comes(ops in prop::collection::vec((0u8..7, 0u64..40), 0..400), max in 1usize..12) {
        let mut containers = Containers::new(max);
        for (now, (op, n)) in (0u64..).zip(ops) {
            let now = now * LINGER / 50;
            match op {
                0 => { containers.learn(n, pod_path(n).as_bytes()); }
                1 => containers.hear(told(n), now),
                2 => containers.hear(pod(n), now),
                3 => containers.hear(News::Removed(id(n).into()), now),
                4 => containers.hear(News::PodGone(uid(n).into()), now),
                5 => containers.give_up(n, GivenUp::Late),
                _ => containers.expire(now),
            }
            prop_assert!(containers.sizes().iter().all(|size| *size <= max));
            if let Membership::Container(container) = containers.of(n) {
                prop_assert_eq!(&*container.id, &*id(n));
            }
        }
    }
}

/// A group is forgotten with its end, but not before late events of it have come.
#[test]
fn a_removed_group_is_known_for_a_while() {
    let mut containers = Containers::new(64);
    containers.learn(1, pod_path(7).as_bytes());
    containers.learn(2, b"/system.slice");
    containers.remove_group(1, 5);
    containers.remove_group(3, 5);
    containers.expire(5 + LINGER - 1);
    assert_ne!(containers.of(1), Membership::Unknown);
    containers.expire(5 + LINGER);
    assert_eq!(containers.of(1), Membership::Unknown);
    assert_eq!(containers.of(2), Membership::Host);
}

mod names;
mod nesting;
