//! From `/proc/PID/cgroup` to the cgroup id that kernel records carry.
//!
//! The id of a cgroup is its inode number in the cgroup filesystem (kernfs id). On a hybrid host
//! a process is in one v2 group and in one per v1 hierarchy; like the kernel half, the v2 group
//! counts unless it is the root, then the one of a chosen v1 controller.

use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use komainu_common::header::CGROUP_V1;

/// Where the cgroup hierarchies are mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hierarchies {
    v2: Option<PathBuf>,
    v1: Option<(Box<str>, PathBuf)>,
}

/// The cgroup of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Id as in `Header::cgroup`; 0 where the directory could not be looked at.
    pub id: u64,
    /// Path in its hierarchy.
    pub path: Vec<u8>,
}

impl Hierarchies {
    /// From `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`); `v1_controller` names the v1
    /// hierarchy to fall back to.
    pub fn parse(mountinfo: &[u8], v1_controller: Option<&str>) -> Self {
        let mut found = Self::default();
        for line in mountinfo.split(|&b| b == b'\n') {
            let Some((mount, kind, options)) = mount(line) else {
                continue;
            };
            let path = || PathBuf::from(std::ffi::OsString::from_vec(unescape(mount)));
            if kind == b"cgroup2" && found.v2.is_none() {
                found.v2 = Some(path());
            }
            let Some(controller) = v1_controller else {
                continue;
            };
            let has = options
                .split(|&b| b == b',')
                .any(|o| o == controller.as_bytes());
            if kind == b"cgroup" && has && found.v1.is_none() {
                found.v1 = Some((controller.into(), path()));
            }
        }
        found
    }

    /// The group that names the process, from the text of its `cgroup` file.
    pub fn choose(&self, text: &[u8]) -> Option<Group> {
        let lines = || text.split(|&b| b == b'\n').filter_map(line);
        let v2 = lines().find(|(controllers, _)| controllers.is_empty());
        let v1 = self.v1.as_ref().and_then(|(controller, mount)| {
            let named = |c: &[u8]| c.split(|&b| b == b',').any(|c| c == controller.as_bytes());
            let (_, path) = lines().find(|(controllers, _)| named(controllers))?;
            Some((mount, path))
        });
        match (v2, v1) {
            (Some((_, path)), _) if path != b"/" => Some(group(self.v2.as_deref(), path, 0)),
            (_, Some((mount, path))) if path != b"/" => Some(group(Some(mount), path, CGROUP_V1)),
            (Some((_, path)), _) => Some(group(self.v2.as_deref(), path, 0)),
            (None, Some((mount, path))) => Some(group(Some(mount), path, CGROUP_V1)),
            (None, None) => None,
        }
    }
}

fn group(mount: Option<&Path>, path: &[u8], bit: u64) -> Group {
    let id = mount
        .and_then(|m| inode(m, path).ok())
        .map_or(0, |id| id | bit);
    // Whole: the kernel gives 4 KiB at most, and its beginning may name the container.
    Group {
        id,
        path: path.to_vec(),
    }
}

/// Inode of the group's directory. A path with `..` lies outside of this cgroup namespace.
fn inode(mount: &Path, path: &[u8]) -> io::Result<u64> {
    if path.split(|&b| b == b'/').any(|part| part == b"..") {
        return Err(io::ErrorKind::NotFound.into());
    }
    let relative = path.strip_prefix(b"/").unwrap_or(path);
    let directory = mount.join(std::ffi::OsStr::from_bytes(relative));
    Ok(std::fs::symlink_metadata(directory)?.ino())
}

/// `hierarchy-id:controllers:path`; the path may contain colons.
fn line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = line.splitn(3, |&b| b == b':');
    let _hierarchy = parts.next()?;
    Some((parts.next()?, parts.next()?))
}

/// Mount point, filesystem type and super options of a line of `mountinfo`.
fn mount(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let separator = memchr::memmem::find(line, b" - ")?;
    let point = line.get(..separator)?.split(|&b| b == b' ').nth(4)?;
    let mut rest = line.get(separator + 3..)?.split(|&b| b == b' ');
    let kind = rest.next()?;
    let _source = rest.next()?;
    Some((point, kind, rest.next()?))
}

/// Undoes the octal escapes of blanks in mount points (`\040`).
fn unescape(text: &[u8]) -> Vec<u8> {
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
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HYBRID: &[u8] =
        b"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        38 31 0:35 / /sys/fs/cgroup/cpu\\040x rw - cgroup cgroup rw,cpu,cpuacct\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:4 - cgroup2 cgroup2 rw\n";

    #[test]
    fn mounts() {
        let found = Hierarchies::parse(HYBRID, Some("cpuacct"));
        assert_eq!(
            found.v2.as_deref(),
            Some(Path::new("/sys/fs/cgroup/unified"))
        );
        assert_eq!(
            found.v1,
            Some(("cpuacct".into(), "/sys/fs/cgroup/cpu x".into()))
        );
        assert_eq!(Hierarchies::parse(HYBRID, None).v1, None);
        assert_eq!(
            Hierarchies::parse(b"\xff\n1 2 3 - x", Some("cpu")),
            Hierarchies::default()
        );
    }

    #[test]
    fn v2_counts_unless_it_is_the_root() {
        let hybrid = Hierarchies::parse(HYBRID, Some("memory"));
        let path = |text: &str| hybrid.choose(text.as_bytes()).map(|g| g.path);
        assert_eq!(
            path("4:memory:/a\n0::/b:c\n").as_deref(),
            Some(&b"/b:c"[..])
        );
        assert_eq!(path("4:memory:/a\n0::/\n").as_deref(), Some(&b"/a"[..]));
        assert_eq!(path("4:memory:/\n0::/\n").as_deref(), Some(&b"/"[..]));
        assert_eq!(path("4:memory:/a\n").as_deref(), Some(&b"/a"[..]));
        assert_eq!(path("3:cpu:/a\n"), None);
        assert_eq!(path(""), None);
        let deep = "/deep".repeat(700);
        assert_eq!(path(&format!("0::{deep}\n")), Some(deep.into_bytes()));
    }

    #[test]
    fn ids_are_inodes() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        let hierarchies = Hierarchies {
            v2: None,
            v1: Some(("memory".into(), dir.path().into())),
        };
        let inode = std::fs::metadata(dir.path().join("a/b")).unwrap().ino();
        let id = |text: &str| hierarchies.choose(text.as_bytes()).unwrap().id;
        assert_eq!(id("1:memory:/a/b"), inode | CGROUP_V1);
        assert_eq!(id("1:memory:/a/../b"), 0);
        assert_eq!(id("1:memory:/gone"), 0);
    }

    proptest! {
        #[test]
        fn total(mounts in prop::collection::vec(any::<u8>(), 0..300), text in prop::collection::vec(any::<u8>(), 0..300)) {
            drop(Hierarchies::parse(&mounts, Some("memory")));
            let hybrid = Hierarchies { v2: None, v1: None };
            drop(hybrid.choose(&text));
            drop(unescape(&text));
        }
    }
}
