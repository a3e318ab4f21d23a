//! Processes that are made, as their makers and they themselves see it.

use komainu::{decode::Decoded, event::Value};

use crate::{
    Test,
    watch::{Watch, act, finish, text},
};

pub(crate) const TESTS: &[Test] = &[
    ("clone_is_told_by_both", told_by_both),
    ("clone_of_a_thread", of_a_thread),
];

/// `CLONE_NEWUTS` and `CLONE_THREAD` as rules number them.
const NEW_UTS: u64 = 1 << 7;
const THREAD: u64 = 1 << 13;

/// What a rule sees of it.
#[derive(Debug, PartialEq)]
struct Made {
    name: &'static str,
    res: i64,
    tid: i64,
    pid: i64,
    ptid: i64,
    flags: u64,
    exe: String,
    args: String,
}

fn made(decoded: &Decoded<'_>) -> Option<Made> {
    let event = decoded.event.as_ref()?;
    let value = |name: &str| event.params[event.ty.param(name).unwrap()];
    let number = |name: &str| match value(name) {
        Value::Int(number) => number,
        other => panic!("{name}: {other:?}"),
    };
    let words = |name: &str| match value(name) {
        Value::Bytes(bytes) => text(bytes).replace('\0', " "),
        other => panic!("{name}: {other:?}"),
    };
    let makes = ["clone", "clone3", "fork", "vfork"].contains(&event.ty.name);
    makes.then(|| Made {
        name: event.ty.name,
        res: number("res"),
        tid: number("tid"),
        pid: number("pid"),
        ptid: number("ptid"),
        flags: match value("flags") {
            Value::Uint(flags) => flags,
            other => panic!("{other:?}"),
        },
        exe: words("exe"),
        args: words("args"),
    })
}

fn told_by_both(watch: &mut Watch) {
    let call = "native clone 0x4000011 0 0 0 0";
    let ((parent, output), seen) = watch.during(|| finish(act("call").arg(call).spawn().unwrap()));
    let child: u32 = output.trim().parse().unwrap();
    let own = std::env::current_exe().unwrap().display().to_string();
    let expected = |tid: u32, ptid: u32, res: u32| Made {
        name: "clone",
        res: res.into(),
        tid: tid.into(),
        pid: tid.into(),
        ptid: ptid.into(),
        flags: NEW_UTS,
        exe: own.clone(),
        args: format!("act call {call}"),
    };
    let with_it = |decoded: &Decoded<'_>| made(decoded).filter(|made| made.flags == NEW_UTS);
    assert_eq!(
        seen.one(parent, with_it),
        expected(parent, std::process::id(), child)
    );
    let told = seen.one(child, with_it);
    // Its parent may have ended by then, and another process is.
    let now = if told.ptid == 1 { 1 } else { parent };
    assert_eq!(told, expected(child, now, 0));
}

/// Threads are made by clone too, which says so in its flags.
fn of_a_thread(watch: &mut Watch) {
    let ((child, _), seen) =
        watch.during(|| finish(act("thread-open").arg("/etc/hostname").spawn().unwrap()));
    let threads = |decoded: &Decoded<'_>| made(decoded).filter(|made| made.flags & THREAD != 0);
    let found = seen.of(child, threads);
    let [one, other] = &found[..] else {
        panic!("{found:#?}");
    };
    let (maker, thread) = if one.res == 0 {
        (other, one)
    } else {
        (one, other)
    };
    assert_eq!(maker.res, thread.tid);
    assert_eq!((maker.tid, thread.pid), (child.into(), child.into()));
    assert_eq!(thread.res, 0);
}
