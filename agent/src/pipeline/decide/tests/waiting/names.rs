//! Events that wait for the users and groups of their container.

use super::*;
use crate::enrich::container::Containers;
use crate::enrich::users::{Question, Refusal};

/// The same with names asked for.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.decider.state.containers = Containers::new(64).with_names();
    bench.decider.notice(reach(Reach::Up));
    bench
}

fn questions(bench: &mut Bench) -> Vec<Question> {
    let asked = std::sync::Mutex::default();
    bench.decider.ask_names(|question| {
        let mut asked: std::sync::MutexGuard<'_, Vec<Question>> = asked.lock().unwrap();
        asked.push(question);
        true
    });
    asked.into_inner().unwrap()
}

#[test]
fn the_names_are_asked_for_when_the_runtime_has_answered() {
    let mut bench = bench();
    bench.batch(&[exec(11, 10, "cat", b"cat\0"), shadow(11)]);
    assert!(questions(&mut bench).is_empty());
    bench.hear(told());
    assert_eq!(bench.alerts(), [], "who runs it is not known");
    let asked = questions(&mut bench);
    let [question] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(&*question.container, CONTAINER);
    assert_eq!(question.process.map(|process| process.tgid), Some(11));
    assert!(questions(&mut bench).is_empty(), "once");
    let answer = Notice::Names(CONTAINER.into(), Err(Refusal::Hangs));
    bench.decider.notice(answer);
    bench.settle();
    assert_eq!(bench.alerts(), all(&["Read shadow"], "complete"));
}

#[test]
fn nobody_waits_for_names_for_ever() {
    let mut bench = bench();
    bench.batch(&[exec(11, 10, "cat", b"cat\0"), shadow(11)]);
    bench.hear(told());
    assert_eq!(questions(&mut bench).len(), 1);
    bench.after(3_000);
    assert_eq!(bench.alerts(), all(&["Read shadow"], "complete"));
}
