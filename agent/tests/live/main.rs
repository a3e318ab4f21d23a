//! Live tests: real system calls, the real kernel half, the records that come out.
//!
//! They need root and kernel BTF, and say so where those are missing. The agent's own process is
//! excluded by the programs, so whatever is to be seen happens in children: this same binary with
//! `act NAME` as arguments, see [`acts`].

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::similar_names,
    clippy::indexing_slicing,
    reason = "a test that unwraps says what it expects, and a child's output is how it answers"
)]

mod accept;
mod acts;
mod agent;
mod call;
mod cases;
mod cgroup;
mod clone;
mod connect;
mod containers;
mod contract;
mod coverage;
mod deployed;
mod exec;
mod facts;
mod fair;
mod filter;
mod flood;
mod formats;
mod identity;
mod listen;
mod network;
mod node;
mod open;
mod operations;
mod privileges;
mod process;
mod random_calls;
mod raw;
mod receive;
mod ring;
mod send;
mod sessions;
mod sinks;
mod socket;
mod stalled;
mod throttle;
mod toctou;
mod uring;
mod uring_files;
mod uring_sockets;
mod users;
mod watch;

use libtest_mimic::{Arguments, Failed, Trial};
use watch::Watch;

type Test = (&'static str, fn(&mut Watch));

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some("act") {
        acts::run(arguments);
        return;
    }
    let mut arguments = Arguments::from_args();
    // One kernel half, one machine: acts of two tests must not mix.
    arguments.test_threads = Some(1);
    let missing = watch::missing();
    if let Some(reason) = &missing {
        println!("live tests left out: {reason}");
    }
    let no_node = node::missing();
    if let Some(reason) = &no_node {
        println!("live tests of containers left out: {reason}");
    }
    let plain = on_the_host()
        .into_iter()
        .map(|test| (test, missing.is_some()));
    let left_out = missing.is_some() || no_node.is_some();
    let in_containers = [
        containers::TESTS,
        identity::TESTS,
        users::TESTS,
        sessions::TESTS,
        deployed::TESTS,
    ]
    .concat();
    let in_containers = in_containers.into_iter().map(|test| (test, left_out));
    let trials = plain
        .chain(in_containers)
        .map(|(test, left_out)| trial(test).with_ignored_flag(left_out))
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// Tests that need no container.
fn on_the_host() -> Vec<Test> {
    [
        exec::TESTS,
        facts::TESTS,
        open::TESTS,
        connect::TESTS,
        accept::TESTS,
        listen::TESTS,
        socket::TESTS,
        send::TESTS,
        receive::TESTS,
        process::TESTS,
        cgroup::TESTS,
        call::TESTS,
        filter::TESTS,
        clone::TESTS,
        uring::TESTS,
        uring_files::TESTS,
        uring_sockets::TESTS,
        toctou::TESTS,
        flood::TESTS,
        fair::TESTS,
        agent::TESTS,
        formats::TESTS,
        operations::TESTS,
        coverage::TESTS,
        stalled::TESTS,
        throttle::TESTS,
        sinks::TESTS,
        privileges::TESTS,
    ]
    .concat()
}

/// A kernel half of its own for each test, so that its accounts can be closed at the end.
fn trial((name, test): Test) -> Trial {
    Trial::test(name, move || {
        let mut watch = Watch::new().map_err(|e| Failed::from(format!("{e:?}")))?;
        test(&mut watch);
        watch.close_accounts();
        Ok(())
    })
}
