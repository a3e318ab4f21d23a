//! Whatever stalls, restarts and breaks: the order is kept, and what is missing is counted.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

const MAX: u64 = 1 << 20;

fn lines(texts: impl IntoIterator<Item = String>) -> Lines {
    let mut lines = Lines::default();
    for text in texts {
        lines.push(text.as_bytes());
    }
    lines
}

fn texts(lines: &Lines) -> Vec<String> {
    let text = |line: &[u8]| String::from_utf8(line.to_vec()).unwrap();
    lines.iter().map(text).collect()
}

fn numbers(range: std::ops::Range<u64>) -> Lines {
    lines(range.map(|n| n.to_string()))
}

/// Reads and commits everything.
fn drain(spool: &mut Spool) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let some = spool.peek(7, 100).unwrap();
        if some.is_empty() {
            return all;
        }
        all.extend(texts(&some));
        spool.commit().unwrap();
    }
}

/// Segments in order.
fn files(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|end| end == "seg"))
        .collect();
    files.sort();
    files
}

#[test]
fn lines_come_out_in_order_and_leave_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stdout");
    let mut spool = Spool::open(&path, MAX).unwrap();
    assert!(spool.is_empty());
    assert_eq!(spool.append(&numbers(0..10)).0, 10);
    assert_eq!(texts(&spool.peek(3, 1000).unwrap()), ["0", "1", "2"]);
    assert_eq!(
        texts(&spool.peek(3, 1000).unwrap()),
        ["0", "1", "2"],
        "what is not committed stays"
    );
    spool.commit().unwrap();
    assert_eq!(spool.append(&numbers(10..12)).0, 2);
    let expected: Vec<String> = (3..12).map(|n| n.to_string()).collect();
    assert_eq!(drain(&mut spool), expected);
    assert!(spool.is_empty() && files(&path).is_empty());
    assert_eq!((spool.bytes(), spool.take_damaged()), (0, 0));
}

#[test]
fn what_an_earlier_run_left_comes_first() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Spool::open(directory.path(), MAX).unwrap();
    for run in 0..3 {
        let mut spool = open();
        spool.append(&numbers(run * 10..run * 10 + 10)).1.unwrap();
        spool.peek(2, 1000).unwrap();
        spool.commit().unwrap();
        spool.peek(2, 1000).unwrap();
    }
    let expected: Vec<String> = (6..30).map(|n| n.to_string()).collect();
    let mut spool = open();
    assert_eq!(drain(&mut spool), expected);
    drop(spool);
    let mut spool = open();
    assert!(spool.is_empty());
    spool.append(&numbers(30..31)).1.unwrap();
    drop(spool);
    assert_eq!(drain(&mut open()), ["30"]);
}

#[test]
fn a_line_under_way_is_claimed() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(directory.path(), MAX).unwrap();
    spool.append(&numbers(0..2)).1.unwrap();
    spool.claim_all();
    spool.append(&numbers(2..4)).1.unwrap();
    spool.commit().unwrap();
    assert_eq!(drain(&mut spool), ["2", "3"]);
    spool.append(&numbers(4..5)).1.unwrap();
    spool.claim_all();
    drop(spool);
    let mut spool = Spool::open(directory.path(), MAX).unwrap();
    assert_eq!(drain(&mut spool), ["4"], "it may not have been written");
}

#[test]
fn it_is_bounded_private_and_of_one_agent() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stdout");
    let mut spool = Spool::open(&path, MAX).unwrap();
    let line = lines(["x".repeat(60_000)]);
    let mut count = 0;
    while spool.has_room(130_000) {
        spool.append(&line).1.unwrap();
        count += 1;
    }
    let on_disk: u64 = files(&path)
        .iter()
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert!(
        (10..18).contains(&count) && on_disk <= MAX,
        "{count} {on_disk}"
    );
    assert_eq!(on_disk, spool.bytes());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert!(files(&path).iter().all(|file| mode(file) == 0o600));
    let error = Spool::open(&path, MAX).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert_eq!(spool.peek(1, 1).unwrap(), line);
    spool.commit().unwrap();
    assert_eq!(drain(&mut spool).len(), count - 1);
}

#[test]
fn links_are_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = directory.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
    assert!(Spool::open(&link, MAX).is_err());
    let path = directory.path().join("stdout");
    let mut spool = Spool::open(&path, MAX).unwrap();
    spool.append(&numbers(0..2)).1.unwrap();
    drop(spool);
    let file = files(&path).remove(0);
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &file).unwrap();
    let mut spool = Spool::open(&path, MAX).unwrap();
    assert_eq!(drain(&mut spool), [""; 0]);
    assert_eq!(spool.take_damaged(), 1);
}

#[test]
fn a_torn_end_costs_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(directory.path(), MAX).unwrap();
    spool.append(&numbers(0..5)).1.unwrap();
    drop(spool);
    let file = files(directory.path()).remove(0);
    let len = file.metadata().unwrap().len();
    let cut = OpenOptions::new().write(true).open(&file).unwrap();
    cut.set_len(len - 1).unwrap();
    // Blocks that were never written are zeros.
    cut.set_len(len + 100).unwrap();
    let mut spool = Spool::open(directory.path(), MAX).unwrap();
    spool.append(&numbers(5..7)).1.unwrap();
    assert_eq!(drain(&mut spool), ["0", "1", "2", "3", "5", "6"]);
    assert_eq!((spool.take_damaged(), spool.take_damaged()), (1, 0));
}

#[test]
fn a_disk_without_room_costs_nothing_that_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(directory.path(), MAX).unwrap();
    spool.append(&numbers(0..3)).1.unwrap();
    // Whatever is written to it fails with ENOSPC.
    spool.writing = Some(OpenOptions::new().write(true).open("/dev/full").unwrap());
    let (count, result) = spool.append(&numbers(3..6));
    assert_eq!(
        (count, result.unwrap_err().kind()),
        (0, io::ErrorKind::StorageFull)
    );
    assert_eq!(spool.append(&numbers(3..6)).0, 3, "another file goes on");
    let expected: Vec<String> = (0..6).map(|n| n.to_string()).collect();
    assert_eq!(drain(&mut spool), expected);
    assert_eq!(spool.take_damaged(), 0);
}

#[test]
fn what_damage_takes_in_the_middle_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let line = |n: u64| format!("{n} {}", "x".repeat(1_000));
    let mut spool = Spool::open(directory.path(), MAX).unwrap();
    for n in 0..300 {
        spool.append(&lines([line(n)])).1.unwrap();
    }
    drop(spool);
    let files = files(directory.path());
    assert!(files.len() > 3);
    // One byte in the first, the beginning of the second, the third cut.
    let mut bytes = fs::read(&files[0]).unwrap();
    bytes[HEADER + 2 * (FRAME + 1_002) + 20] ^= 1;
    fs::write(&files[0], bytes).unwrap();
    fs::write(&files[1], b"KOMAINU?").unwrap();
    let third = OpenOptions::new().write(true).open(&files[2]).unwrap();
    third
        .set_len((HEADER + 3 * (FRAME + 1_004)) as u64)
        .unwrap();
    let mut spool = Spool::open(directory.path(), MAX).unwrap();
    let read = drain(&mut spool);
    assert_eq!(read[..2], [line(0), line(1)]);
    assert_eq!(read.len() as u64 + spool.take_damaged(), 300);
}

/// What is done to a spool.
#[derive(Clone, Debug)]
enum Act {
    Append(u8),
    Read(u8),
    ReadAndCommit(u8),
    Restart,
    /// As a crash does: the last line was written in part.
    Tear(u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        (1_u8..40).prop_map(Act::Append),
        (1_u8..10).prop_map(Act::Read),
        (1_u8..30).prop_map(Act::ReadAndCommit),
        Just(Act::Restart),
        (1_u8..100).prop_map(Act::Tear),
    ];
    prop::collection::vec(act, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_interleaving_keeps_the_order_and_loses_nothing_uncounted(acts in acts()) {
        let directory = tempfile::tempdir().unwrap();
        let open = || Spool::open(directory.path(), MAX).unwrap();
        // Long enough for several segments.
        let line = |n: u64| format!("{n} {}", "x".repeat(5_000));
        let number = |text: &String| text.split_once(' ').unwrap().0.parse::<u64>().unwrap();
        let (mut spool, mut appended, mut damaged) = (open(), 0_u64, 0);
        let mut read: Vec<u64> = Vec::new();
        for act in acts {
            match act {
                Act::Append(count) if spool.has_room(300_000) => {
                    let more = lines((appended..appended + u64::from(count)).map(line));
                    prop_assert_eq!(spool.append(&more).0, usize::from(count));
                    appended += u64::from(count);
                }
                Act::Append(_) => {}
                Act::Read(count) => {
                    let some = texts(&spool.peek(usize::from(count), 1 << 20).unwrap());
                    prop_assert!(some.len() <= usize::from(count));
                }
                Act::ReadAndCommit(count) => {
                    let some = spool.peek(usize::from(count), 1 << 20).unwrap();
                    read.extend(texts(&some).iter().map(number));
                    spool.commit().unwrap();
                }
                Act::Restart => {
                    damaged += spool.take_damaged();
                    drop(spool);
                    spool = open();
                }
                Act::Tear(bytes) => {
                    damaged += spool.take_damaged();
                    drop(spool);
                    if let Some(last) = files(directory.path()).last() {
                        let len = last.metadata().unwrap().len();
                        let len = len.saturating_sub(u64::from(bytes)).max(HEADER as u64);
                        OpenOptions::new().write(true).open(last).unwrap().set_len(len).unwrap();
                    }
                    spool = open();
                }
            }
        }
        read.extend(drain(&mut spool).iter().map(number));
        damaged += spool.take_damaged();
        prop_assert!(read.windows(2).all(|pair| pair[0] < pair[1]), "{read:?}");
        prop_assert_eq!(read.len() as u64 + damaged, appended, "{:?}", read);
        prop_assert!(spool.is_empty() && files(directory.path()).is_empty());
    }

    #[test]
    fn any_files(
        segments in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..4),
        with_header in any::<[Option<u64>; 4]>(),
        position in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let directory = tempfile::tempdir().unwrap();
        for (n, (bytes, first)) in segments.iter().zip(with_header).enumerate() {
            let mut content = first.map_or(Vec::new(), |first| segment::header(first).to_vec());
            content.extend_from_slice(bytes);
            fs::write(directory.path().join(format!("{n:016x}.seg")), content).unwrap();
        }
        fs::write(directory.path().join("position"), position).unwrap();
        let mut spool = Spool::open(directory.path(), MAX).unwrap();
        spool.append(&lines(["last".to_owned()])).1.unwrap();
        let mut read = Vec::new();
        loop {
            let some = spool.peek(5, 100).unwrap();
            if some.is_empty() {
                break;
            }
            read.extend(some.iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
            spool.commit().unwrap();
        }
        prop_assert_eq!(read.last().map(Vec::as_slice), Some(&b"last"[..]));
        prop_assert!(spool.is_empty());
    }
}
