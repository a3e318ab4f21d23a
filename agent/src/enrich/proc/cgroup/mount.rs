//! A mounted cgroup hierarchy, and whole paths in it for who sees it from a namespace inside.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Directories looked at in search of the namespace's root at most.
const MAX_LOOKED_AT: usize = 65_536;

/// Inode of the root of a hierarchy (`kernfs_create_root` numbers from 1).
const ROOT: u64 = 1;

/// What a line of `mountinfo` tells of a mount.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// What of the filesystem is mounted: of a cgroup hierarchy, as seen from the reader's namespace.
    root: &'a [u8],
    point: &'a [u8],
    /// Type of the filesystem.
    pub(super) kind: &'a [u8],
    /// Options of the filesystem.
    pub(super) options: &'a [u8],
}

/// The lines that are whole.
pub(super) fn lines(mountinfo: &[u8]) -> impl Iterator<Item = Line<'_>> {
    mountinfo.split(|&b| b == b'\n').filter_map(line)
}

fn line(line: &[u8]) -> Option<Line<'_>> {
    let separator = memchr::memmem::find(line, b" - ")?;
    let mut first = line.get(..separator)?.split(|&b| b == b' ').skip(3);
    let mut rest = line.get(separator + 3..)?.split(|&b| b == b' ');
    let (root, point, kind) = (first.next()?, first.next()?, rest.next()?);
    let _source = rest.next()?;
    Some(Line {
        root,
        point,
        kind,
        options: rest.next()?,
    })
}

/// A mount that shows a hierarchy from its root, or from as far out as there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    point: PathBuf,
    /// Path of the namespace's root below what is mounted, empty where they are the same; `None` where it was not
    /// found.
    inner: Option<Vec<u8>>,
}

impl Mount {
    /// Of the mounts of one hierarchy the one that shows most of it. A mount of some group only, such as containers have
    /// on cgroup v1, shows nothing of others.
    pub(super) fn outermost<'a>(lines: impl Iterator<Item = Line<'a>>) -> Option<Self> {
        let whole: Vec<_> = lines
            .filter_map(|line| Some((levels(line.root)?, line)))
            .collect();
        let most = whole.iter().map(|(levels, _)| *levels).max()?;
        let mount = |wanted| whole.iter().find(|(levels, _)| *levels == wanted);
        let point = path(mount(most)?.1.point);
        let inner = match most {
            0 => Some(Vec::new()),
            _ => mount(0).and_then(|(_, own)| {
                let own = inode(&path(own.point)).ok()?;
                search(&point, most, own)
            }),
        };
        Some(Self { point, inner })
    }

    /// A path as `/proc/PID/cgroup` shows it, from the root of the mount; `None` where it is not known how far in the
    /// namespace is, or the path leads out of the mount.
    pub(super) fn whole(&self, shown: &[u8]) -> Option<Vec<u8>> {
        let mut whole: Vec<&[u8]> = parts(self.inner.as_ref()?).collect();
        for part in parts(shown) {
            match part {
                b".." => drop(whole.pop()?),
                name => whole.push(name),
            }
        }
        Some([b"/", whole.join(&b'/').as_slice()].concat())
    }

    /// Inode of a group's directory, which is the group's id.
    pub(super) fn inode(&self, whole: &[u8]) -> io::Result<u64> {
        if self.inner.is_none() || parts(whole).any(|part| part == b"..") {
            return Err(io::ErrorKind::NotFound.into());
        }
        let relative = whole.strip_prefix(b"/").unwrap_or(whole);
        inode(&self.point.join(OsStr::from_bytes(relative)))
    }

    /// Whether it shows the hierarchy from its root. It does not where the machine is itself a container.
    pub(super) fn is_whole(&self) -> bool {
        inode(&self.point).is_ok_and(|inode| inode == ROOT)
    }

    /// Of a whole hierarchy.
    #[cfg(test)]
    pub(super) fn at(point: impl Into<PathBuf>) -> Self {
        Self {
            point: point.into(),
            inner: Some(Vec::new()),
        }
    }
}

fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&b| b == b'/').filter(|part| !part.is_empty())
}

/// How many levels above the namespace's root a mount begins: `/` none, `/../..` two. `None` for one that begins elsewhere.
fn levels(root: &[u8]) -> Option<usize> {
    let up = parts(root).all(|part| part == b"..");
    (root.starts_with(b"/") && up).then(|| parts(root).count())
}

fn inode(directory: &Path) -> io::Result<u64> {
    Ok(fs::symlink_metadata(directory)?.ino())
}

/// The directory with this inode so many levels below `point`, as a path from there. Containers are few, and so are the
/// levels; what exceeds the bound is not found.
fn search(point: &Path, levels: usize, wanted: u64) -> Option<Vec<u8>> {
    let mut open = vec![(PathBuf::new(), levels)];
    let mut looked_at = 0;
    while let Some((directory, left)) = open.pop() {
        let Ok(entries) = fs::read_dir(point.join(&directory)) else {
            continue;
        };
        for entry in entries.filter_map(Result::ok) {
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            looked_at += 1;
            if looked_at > MAX_LOOKED_AT {
                return None;
            }
            let name = directory.join(entry.file_name());
            match left {
                1 if entry.ino() == wanted => return Some(name.into_os_string().into_vec()),
                1 => {}
                _ => open.push((name, left - 1)),
            }
        }
    }
    None
}

/// Undoes the octal escapes of blanks in mount points (`\040`).
fn path(text: &[u8]) -> PathBuf {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let octal = |d: &u8| matches!(d, b'0'..=b'7').then(|| u32::from(d - b'0'));
        if let (b'\\', [a, b, c, after @ ..]) = (first, tail)
            && let (Some(a), Some(b), Some(c)) = (octal(a), octal(b), octal(c))
            && let Ok(byte) = u8::try_from(a * 64 + b * 8 + c)
        {
            out.push(byte);
            rest = after;
            continue;
        }
        out.push(*first);
        rest = tail;
    }
    PathBuf::from(std::ffi::OsString::from_vec(out))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Two mounts as a container in a namespace of its own sees them, of any filesystem: ids are inodes.
    fn namespace(outer: &Path, own: &str) -> Mount {
        let up = "/..".repeat(own.split('/').count());
        let outer = outer.display();
        let text = format!(
            "63 43 0:38 / {outer}/{own} rw - cgroup2 none rw\n\
             64 43 0:38 {up} {outer} rw - cgroup2 cgroup2 rw\n"
        );
        Mount::outermost(lines(text.as_bytes())).unwrap()
    }

    #[test]
    fn the_groups_of_others_are_whole_in_a_namespace() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["kubepods/pod1/own/below", "kubepods/pod2/other", "a/b/c"] {
            fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        let mount = namespace(dir.path(), "kubepods/pod1/own");
        let whole = |shown: &str| {
            mount
                .whole(shown.as_bytes())
                .map(|path| String::from_utf8(path).unwrap())
        };
        assert_eq!(whole("/").as_deref(), Some("/kubepods/pod1/own"));
        assert_eq!(whole("/below").as_deref(), Some("/kubepods/pod1/own/below"));
        assert_eq!(
            whole("/../../pod2/other").as_deref(),
            Some("/kubepods/pod2/other")
        );
        assert_eq!(whole("/../../..").as_deref(), Some("/"));
        assert_eq!(whole("/../../../.."), None);
        let other = inode(&dir.path().join("kubepods/pod2/other")).unwrap();
        assert_eq!(mount.inode(b"/kubepods/pod2/other").unwrap(), other);
        assert!(mount.inode(b"/kubepods/../a").is_err());
        assert!(mount.inode(b"/gone").is_err());
    }

    #[test]
    fn a_namespace_that_is_not_found_makes_nothing_up() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        assert_eq!(search(dir.path(), 2, 0), None);
        let outer = dir.path().display();
        let text = format!("64 43 0:38 /../.. {outer} rw - cgroup2 cgroup2 rw\n");
        let mount = Mount::outermost(lines(text.as_bytes())).unwrap();
        assert_eq!(mount.whole(b"/../../a"), None);
        assert!(mount.inode(b"/a").is_err());
    }

    #[test]
    fn a_mount_of_one_group_is_not_the_hierarchy() {
        let one = b"1 2 0:3 /kubepods/x /sys/fs/cgroup rw - cgroup2 c rw\n";
        assert_eq!(Mount::outermost(lines(one)), None);
        let both = b"1 2 0:3 /kubepods/x /sys/fs/cgroup rw - cgroup2 c rw\n4 2 0:3 / /host/cg\\040x rw - cgroup2 c rw\n";
        assert_eq!(Mount::outermost(lines(both)), Some(Mount::at("/host/cg x")));
    }

    proptest! {
        #[test]
        fn total(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let _count = lines(&text).count();
            drop(path(&text));
            let _levels = levels(&text);
            let inner = Mount { point: "/nowhere".into(), inner: Some(text.clone()) };
            let whole = inner.whole(&text);
            prop_assert!(whole.is_none_or(|path| inner.inode(&path).is_err()));
        }
    }
}
