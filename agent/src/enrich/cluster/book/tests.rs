//! What is told, when, and what is kept at most.

use super::*;

fn book(limits: Limits) -> Book {
    Book::new("n1", limits)
}

/// A book that tells at once.
fn open(limits: Limits) -> Book {
    let mut book = book(limits);
    book.complete_pods();
    book.open();
    assert_eq!(told(&mut book), ["Up"]);
    book
}

fn pod(uid: &str, name: &str) -> Seen {
    Seen {
        object: uid.into(),
        finished: false,
        news: PodNews {
            uid: uid.into(),
            name: name.into(),
            namespace: "shop".into(),
            ..PodNews::default()
        },
    }
}

fn mirror(uid: &str, object: &str, name: &str) -> Seen {
    Seen {
        object: object.into(),
        ..pod(uid, name)
    }
}

fn labels(value: &str) -> Labels {
    vec![("team".into(), value.into())]
}

/// The news in short: `name`, with namespace's and node's labels where there are any.
fn told(book: &mut Book) -> Vec<String> {
    let text = |labels: &Labels| {
        labels
            .first()
            .map_or(String::new(), |(_, value)| format!(" {value}"))
    };
    std::iter::from_fn(|| book.next_news())
        .map(|news| match news {
            News::Reach(Source::Cluster, Reach::Down(why)) => format!("Down {why}"),
            News::Reach(Source::Cluster, reach) => format!("{reach:?}"),
            News::Pod(pod) => {
                let object = &pod.object;
                format!(
                    "{}{}{}",
                    pod.name,
                    text(&object.namespace_labels),
                    text(&object.node_labels)
                )
            }
            News::PodGone(uid) => format!("-{uid}"),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn pods_wait_for_the_labels_of_namespace_and_node() {
    let mut book = book(Limits::default());
    book.begin_pods();
    book.put_pod(pod("u1", "web"));
    book.complete_pods();
    book.up();
    book.put_namespace("shop", labels("a"));
    book.complete_namespaces();
    assert_eq!(told(&mut book), [""; 0]);
    book.set_node_labels(labels("n"));
    assert_eq!(told(&mut book), ["web a n", "Up"]);
}

#[test]
fn nobody_waits_for_labels_that_may_not_be_read_or_do_not_come() {
    let mut refused = book(Limits::default());
    refused.put_pod(pod("u1", "web"));
    refused.complete_pods();
    refused.no_namespaces("no answer", false);
    refused.set_node_labels(Labels::new());
    assert_eq!(told(&mut refused), [""; 0]);
    refused.no_namespaces("status 403", true);
    assert_eq!(told(&mut refused), ["web", "Up"]);

    let mut late = book(Limits::default());
    late.put_pod(pod("u1", "web"));
    late.complete_pods();
    late.open();
    assert_eq!(told(&mut late), ["web", "Up"]);
    late.put_namespace("shop", labels("a"));
    assert_eq!(told(&mut late), ["web a"]);
}

#[test]
fn before_the_first_list_nothing_is_up() {
    let mut book = book(Limits::default());
    book.open();
    book.up();
    book.down("refused");
    book.down("refused");
    assert_eq!(told(&mut book), ["Down refused"]);
    book.complete_pods();
    assert_eq!(told(&mut book), ["Up"]);
}

#[test]
fn only_what_changes_is_told() {
    let mut book = open(Limits::default());
    book.put_pod(pod("u1", "web"));
    book.put_pod(pod("u1", "web"));
    assert_eq!(told(&mut book), ["web"]);
    let mut changed = pod("u1", "web");
    changed.news.ip = Some("10.0.0.1".into());
    book.put_pod(changed);
    assert_eq!(told(&mut book), ["web"]);
    book.put_namespace("shop", labels("a"));
    book.put_namespace("shop", labels("a"));
    book.put_namespace("other", labels("b"));
    assert_eq!(told(&mut book), ["web a"]);
    book.set_node_labels(labels("n"));
    book.set_node_labels(labels("n"));
    assert_eq!(told(&mut book), ["web a n"]);
}

#[test]
fn what_a_new_list_lacks_is_gone() {
    let mut book = open(Limits::default());
    book.put_pod(pod("u1", "web"));
    book.put_pod(pod("u2", "db"));
    book.put_namespace("shop", labels("a"));
    book.put_namespace("old", labels("b"));
    told(&mut book);
    book.begin_pods();
    book.put_pod(pod("u2", "db"));
    book.complete_pods();
    assert_eq!(told(&mut book), ["-u1"]);
    book.begin_namespaces();
    book.put_namespace("shop", labels("a"));
    book.complete_namespaces();
    assert_eq!((told(&mut book).len(), book.namespaces.len()), (0, 1));
    book.remove_pod("u2", "u2");
    book.remove_pod("u2", "u2");
    assert_eq!(told(&mut book), ["-u2"]);
}

#[test]
fn a_list_that_breaks_off_takes_nothing_away() {
    let mut book = open(Limits::default());
    book.put_pod(pod("u1", "web"));
    book.begin_pods();
    book.down("reset");
    assert_eq!(told(&mut book), ["web", "Down reset"]);
}

#[test]
fn a_mirror_that_is_made_anew_stays() {
    let mut book = open(Limits::default());
    book.put_pod(mirror("hash", "u1", "etcd-n1"));
    book.put_pod(mirror("hash", "u2", "etcd-n1"));
    book.remove_pod("hash", "u1");
    assert_eq!(told(&mut book), ["etcd-n1"]);
    book.remove_pod("hash", "u2");
    assert_eq!(told(&mut book), ["-hash"]);
}

#[test]
fn no_mirror_takes_the_place_of_another_pod() {
    let mut book = open(Limits::default());
    book.put_pod(pod("u1", "web"));
    book.put_pod(mirror("u1", "evil", "web"));
    assert_eq!(told(&mut book), ["web"]);
    book.put_pod(mirror("hash", "m1", "etcd-n1"));
    book.put_pod(mirror("hash", "evil", "other"));
    assert_eq!(told(&mut book), ["etcd-n1"]);
    book.put_pod(pod("hash", "own"));
    assert_eq!(told(&mut book), ["own"]);
}

#[test]
fn pods_have_a_limit_and_those_that_ended_give_way() {
    let mut book = open(Limits {
        pods: 2,
        ..Limits::default()
    });
    let mut ended = pod("u1", "job");
    ended.finished = true;
    book.put_pod(ended);
    for n in 2..5 {
        book.put_pod(pod(&format!("u{n}"), &format!("p{n}")));
    }
    assert_eq!(told(&mut book), ["job", "p2", "-u1", "p3"]);
    assert_eq!((book.pods.len(), book.no_room), (2, 1));
    book.put_pod(pod("u3", "renamed"));
    assert_eq!(told(&mut book), ["renamed"], "a known one has its place");
}

#[test]
fn bytes_have_a_limit_and_are_given_back() {
    let limits = Limits {
        bytes: 3 * (ENTRY + 100),
        namespaces: 1,
        ..Limits::default()
    };
    let mut book = open(limits);
    book.put_namespace("shop", labels(&"x".repeat(60)));
    book.put_namespace("more", Labels::new());
    assert_eq!(book.namespaces.len(), 1);
    for n in 0..5 {
        book.put_pod(pod(&format!("u{n}"), "p"));
        assert!(book.bytes <= limits.bytes);
    }
    let mut big = pod("u0", "p");
    big.news.labels = labels(&"x".repeat(5000));
    book.put_pod(big);
    assert!(book.bytes <= limits.bytes && book.no_room > 0);
    for n in 0..5 {
        let uid = format!("u{n}");
        book.remove_pod(&uid, &uid);
    }
    book.remove_namespace("shop");
    assert_eq!(book.bytes, 0);
}
