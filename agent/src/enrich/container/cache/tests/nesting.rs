//! Cgroups in containers that are named like containers, by runtimes and by others.

use super::*;

/// A container that the asked runtime does not know: of another runtime, or not told yet.
const OTHER: &str = "f1ba3b2f5f3c4d2a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8e7f60";

fn ids<const N: usize>(containers: &Containers, cgroups: [u64; N]) -> [&str; N] {
    cgroups.map(|cgroup| &*container(containers, cgroup).id)
}

/// A process that may make cgroups names one like a container of another pod.
#[test]
fn a_borrowed_name_does_not_help() {
    let mut containers = Containers::new(8);
    containers.hear(up(Source::Runtime), 0);
    let own = pod_path(1);
    containers.learn(
        1,
        format!("{own}/cri-containerd-{}.scope", id(2)).as_bytes(),
    );
    containers.learn(2, pod_path(2).as_bytes());
    containers.learn(
        3,
        format!("{own}/cri-containerd-{}.scope", id(3)).as_bytes(),
    );
    containers.hear(told(2), 0);
    containers.hear(told(1), 0);
    containers.hear(News::NoContainer(id(3).into()), 0);
    for (cgroup, expected) in [(1, id(1)), (2, id(2)), (3, id(1))] {
        assert_eq!(*container(&containers, cgroup).id, *expected, "{cgroup}");
        assert_eq!(resolution(&containers, cgroup), Resolution::Complete);
    }
}

/// Docker in docker, kind: the runtime that is asked knows the inner ones.
#[test]
fn the_inner_container_counts_where_its_runtime_is_asked() {
    let mut containers = Containers::new(8);
    containers.hear(up(Source::Runtime), 0);
    containers.learn(1, format!("/docker/{ID}{}", pod_path(1)).as_bytes());
    containers.hear(told(1), 0);
    assert_eq!(*container(&containers, 1).id, *id(1));
    assert_eq!(resolution(&containers, 1), Resolution::Complete);
}

/// Who borrows a name is in another container than the runtime's are, whether or not he is told of.
#[test]
fn a_borrowed_name_does_not_help_before_the_own_is_told() {
    let steps = [
        Step::Learn(1, format!("/docker/{OTHER}{}", pod_path(2))),
        Step::Learn(2, pod_path(2)),
        Step::Hear(up(Source::Runtime)),
        Step::Hear(told(2)),
    ];
    proptest!(|(order in Just(steps).prop_shuffle())| {
        let mut containers = Containers::new(8);
        for step in order {
            take(&mut containers, step);
        }
        prop_assert_eq!(ids(&containers, [1, 2]), [OTHER, &id(2)]);
        prop_assert_eq!(containers.to_ask(1), Some(OTHER), "who it is says the runtime");
    });
}

/// The machine is a container, OTHER, as all of the runtime's are in it. One of these borrows the name of another; one
/// beside the machine does too.
#[test]
fn a_borrowed_name_does_not_help_in_kind() {
    let machine = format!("/docker/{OTHER}/kubelet");
    let steps = [
        Step::Learn(1, format!("{machine}{}", pod_path(1))),
        Step::Learn(2, format!("{machine}{}", pod_path(2))),
        Step::Learn(3, format!("{machine}{}{}", pod_path(1), pod_path(2))),
        Step::Hear(told(1)),
        Step::Hear(told(2)),
    ];
    proptest!(|(order in Just(steps).prop_shuffle())| {
        let mut containers = Containers::new(8);
        for step in order {
            take(&mut containers, step);
        }
        let beside = id(9);
        take(&mut containers, Step::Learn(4, format!("/docker/{beside}{}", pod_path(2))));
        let (first, second) = (id(1), id(2));
        prop_assert_eq!(ids(&containers, [1, 2, 3, 4]), [&first, &second, &first, &*beside]);
        let [outer, one] = [OTHER, &first].map(|id| ContainerKey::parse(id).unwrap());
        prop_assert!(containers.is_around(outer, one) && !containers.is_around(one, outer));
    });
}

/// In kind, `/proc` shows paths from the machine's cgroup on: what is around that is told by records alone.
#[test]
fn a_path_that_is_not_whole_places_nothing() {
    let mut containers = Containers::new(8);
    containers.hear(told(1), 0);
    containers.hear(told(2), 0);
    containers.learn(1, pod_path(1).trim_start_matches('/').as_bytes());
    assert_eq!(ids(&containers, [1]), [&id(1)]);
    containers.learn(2, format!("/docker/{OTHER}{}", pod_path(2)).as_bytes());
    assert_eq!(ids(&containers, [1, 2]), [&id(1), &id(2)]);
    let [outer, inner] = [OTHER, &id(1)].map(|id| ContainerKey::parse(id).unwrap());
    assert!(containers.is_around(outer, inner));
    // A record tells more of one that is known.
    let whole = format!("/docker/{OTHER}{}", pod_path(1));
    assert!(containers.learn(1, whole.as_bytes()) && !containers.learn(1, whole.as_bytes()));
    assert!(!containers.learn(1, b"a/b"));
}

/// Where nobody is asked, the deepest name counts, and no container is around another.
#[test]
fn without_a_runtime_the_innermost_counts() {
    let mut containers = Containers::new(8);
    containers.learn(1, format!("/docker/{OTHER}{}", pod_path(2)).as_bytes());
    assert_eq!(ids(&containers, [1]), [&id(2)]);
    let [outer, inner] = [OTHER, &id(2)].map(|id| ContainerKey::parse(id).unwrap());
    assert!(!containers.is_around(outer, inner));
}

/// However many names a path has, few are kept: the outermost.
#[test]
fn names_of_one_path_are_bounded() {
    let mut containers = Containers::new(8);
    let path = (1..60).map(|n| ["/", &id(n)].concat()).collect::<String>();
    containers.learn(1, path.as_bytes());
    assert_eq!(ids(&containers, [1]), [&id(8)]);
    containers.hear(told(1), 0);
    containers.hear(News::NoContainer(id(8).into()), 0);
    assert_eq!(ids(&containers, [1]), [&id(1)]);
}
