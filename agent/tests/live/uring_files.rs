//! Names of files, changed through an `io_uring`.

use std::{ffi::CString, fs};

use komainu_common::header::{HEADER_IO_URING, HEADER_UNFINISHED};

use crate::{
    Test,
    call::Reported,
    ring::{LINKAT, MKDIRAT, Operation, RENAMEAT, Ring, SYMLINKAT, UNLINKAT},
    uring::available,
    watch::{Watch, perform},
};

pub(crate) const TESTS: &[Test] = &[("uring_names_of_files", names_of_files)];

/// `AT_FDCWD` and `AT_REMOVEDIR`.
const CWD: i32 = -100;
const REMOVEDIR: u32 = 0x200;

/// `uring-files DIRECTORY`: prints the results of what is done there.
pub(crate) fn act(directory: &str) {
    std::env::set_current_dir(directory).unwrap();
    let sub = fs::File::open("sub").unwrap();
    let sub = std::os::fd::AsRawFd::as_raw_fd(&sub);
    let texts = ["new", "moved", "target", "link", "a", "hard", "none/x"];
    let [new, moved, target, link, a, hard, none] = texts.map(|text| CString::new(text).unwrap());
    let one = |opcode, fd, path: &CString| Operation {
        opcode,
        fd,
        address: path.as_ptr() as u64,
        ..Operation::default()
    };
    let two = |opcode, fd, path: &CString, second: &CString| Operation {
        offset: second.as_ptr() as u64,
        len: CWD.cast_unsigned(),
        ..one(opcode, fd, path)
    };
    let operations = [
        Operation {
            len: 0o750,
            ..one(MKDIRAT, sub, &new)
        },
        two(RENAMEAT, sub, &new, &moved),
        Operation {
            len: 0,
            ..two(SYMLINKAT, sub, &target, &link)
        },
        two(LINKAT, CWD, &a, &hard),
        one(UNLINKAT, CWD, &hard),
        Operation {
            op_flags: REMOVEDIR,
            ..one(UNLINKAT, CWD, &moved)
        },
        Operation {
            len: 0o700,
            ..one(MKDIRAT, CWD, &none)
        },
        Operation {
            op_flags: 1,
            ..two(RENAMEAT, CWD, &a, &a)
        },
    ];
    let mut ring = Ring::new().unwrap();
    let results: Vec<i32> = operations
        .iter()
        .flat_map(|operation| ring.run(&[*operation]))
        .collect();
    println!("{results:?}");
}

/// A result, an event, some of its parameters.
type Expected = (i64, &'static str, &'static [(&'static str, &'static str)]);

/// What `uring-files` does: result, event, and some of its parameters; `@` is where.
const EXPECTED: [Expected; 8] = [
    (0, "mkdirat", &[("path", "@/sub/new"), ("mode", "488")]),
    (
        0,
        "renameat2",
        &[
            ("oldpath", "@/sub/new"),
            ("newpath", "@/moved"),
            ("flags", "0"),
        ],
    ),
    (
        0,
        "symlinkat",
        &[("target", "target"), ("linkpath", "@/sub/link")],
    ),
    (
        0,
        "linkat",
        &[
            ("oldpath", "@/a"),
            ("newpath", "@/hard"),
            ("olddir", "-100"),
        ],
    ),
    (
        0,
        "unlinkat",
        &[("name", "@/hard"), ("flags", "0"), ("dirfd", "-100")],
    ),
    (0, "unlinkat", &[("name", "@/moved"), ("flags", "512")]),
    (-2, "mkdirat", &[("path", "@/none/x"), ("mode", "448")]),
    (
        -17,
        "renameat2",
        &[("oldpath", "@/a"), ("newpath", "@/a"), ("flags", "1")],
    ),
];

/// Each is the event of the call that does the same, with its arguments.
fn names_of_files(watch: &mut Watch) {
    if !available() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    fs::write(directory.path().join("a"), "x").unwrap();
    fs::create_dir(directory.path().join("sub")).unwrap();
    let ((child, output), seen) = watch.during(|| perform("uring-files", &[place]));
    assert_eq!(output.trim(), "[0, 0, 0, 0, 0, 0, -2, -17]");
    let found = seen.of(child, |decoded| {
        let flags = decoded.header.flags & (HEADER_IO_URING | HEADER_UNFINISHED);
        let ret = decoded.header.ret;
        (flags == HEADER_IO_URING).then(|| Some((ret, Reported::of(decoded)?)))?
    });
    assert_eq!(found.len(), EXPECTED.len(), "{found:#?}");
    for ((ret, reported), (expected_ret, name, facts)) in found.iter().zip(EXPECTED) {
        assert_eq!((*ret, reported.name), (expected_ret, name));
        assert!(!reported.truncated, "{reported:#?}");
        for (fact, value) in facts {
            let fact = ((*fact).to_owned(), value.replace('@', place));
            assert!(reported.facts.contains(&fact), "{fact:?}: {reported:#?}");
        }
    }
}
