//! From `/proc/PID/cgroup` to the cgroup id that kernel records carry.
//!
//! The id of a cgroup is its inode number in the cgroup filesystem (kernfs id). On a hybrid host
//! a process is in one v2 group and in one per v1 hierarchy; like the kernel half, the v2 group
//! counts unless it is the root, then the one of a chosen v1 controller.
//!
//! Paths are shown as seen from the reader's cgroup namespace (cgroup_namespaces(7)), and a pod on a node with cgroup v2
//! has one of its own unless it is privileged: the groups of others begin with `/..` there. [`mount`] makes them whole.

mod mount;

use komainu_common::header::CGROUP_V1;

use mount::Mount;

/// Where the cgroup hierarchies are mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hierarchies {
    v2: Option<Mount>,
    v1: Option<(Box<str>, Mount)>,
}

/// The cgroup of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Id as in `Header::cgroup`; 0 where the directory could not be looked at.
    pub id: u64,
    /// Path in its hierarchy, as far up as that can be seen.
    pub path: Vec<u8>,
    /// That is up to its root.
    pub is_whole: bool,
}

impl Group {
    /// The path; it begins with a slash only where it is whole.
    pub fn into_path(self) -> Vec<u8> {
        match self.path.strip_prefix(b"/") {
            Some(b"") if !self.is_whole => b".".to_vec(),
            Some(below) if !self.is_whole => below.to_vec(),
            _ => self.path,
        }
    }
}

impl Hierarchies {
    /// From `/proc/self/mountinfo` (`proc_pid_mountinfo(5)`); `v1_controller` names the v1
    /// hierarchy to fall back to. Looks into the mounts only where this process is in a cgroup namespace of its own.
    pub fn parse(mountinfo: &[u8], v1_controller: Option<&str>) -> Self {
        let lines = || mount::lines(mountinfo);
        let v2 = lines().filter(|line| line.kind == b"cgroup2");
        let v1 = v1_controller.and_then(|controller| {
            let has = |options: &[u8]| {
                options
                    .split(|&b| b == b',')
                    .any(|o| o == controller.as_bytes())
            };
            let lines = lines().filter(|line| line.kind == b"cgroup" && has(line.options));
            Some((controller.into(), Mount::outermost(lines)?))
        });
        Self {
            v2: Mount::outermost(v2),
            v1,
        }
    }

    /// The group that names the process, from the text of its `cgroup` file.
    pub fn choose(&self, text: &[u8]) -> Option<Group> {
        let lines = || text.split(|&b| b == b'\n').filter_map(line);
        let v2 = lines().find(|(controllers, _)| controllers.is_empty());
        let v2 = v2.map(|(_, path)| group(self.v2.as_ref(), path, 0));
        let v1 = self.v1.as_ref().and_then(|(controller, mount)| {
            let named = |c: &[u8]| c.split(|&b| b == b',').any(|c| c == controller.as_bytes());
            let (_, path) = lines().find(|(controllers, _)| named(controllers))?;
            Some(group(Some(mount), path, CGROUP_V1))
        });
        match (v2, v1) {
            (Some(v2), _) if v2.path != b"/" => Some(v2),
            (_, Some(v1)) if v1.path != b"/" => Some(v1),
            (v2, v1) => v2.or(v1),
        }
    }
}

/// Whole: the kernel gives 4 KiB at most, and its beginning may name the container.
fn group(mount: Option<&Mount>, path: &[u8], bit: u64) -> Group {
    let path = mount
        .and_then(|mount| mount.whole(path))
        .unwrap_or_else(|| path.to_vec());
    let id = mount.and_then(|mount| mount.inode(&path).ok());
    Group {
        id: id.map_or(0, |id| id | bit),
        path,
        is_whole: mount.is_some_and(Mount::is_whole),
    }
}

/// `hierarchy-id:controllers:path`; the path may contain colons.
fn line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = line.splitn(3, |&b| b == b':');
    let _hierarchy = parts.next()?;
    Some((parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use proptest::prelude::*;

    use super::*;

    const HYBRID: &[u8] =
        b"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        38 31 0:35 / /sys/fs/cgroup/cpu\\040x rw - cgroup cgroup rw,cpu,cpuacct\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:4 - cgroup2 cgroup2 rw\n";

    #[test]
    fn mounts() {
        let found = Hierarchies::parse(HYBRID, Some("cpuacct"));
        assert_eq!(found.v2, Some(Mount::at("/sys/fs/cgroup/unified")));
        assert_eq!(
            found.v1,
            Some(("cpuacct".into(), Mount::at("/sys/fs/cgroup/cpu x")))
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
            v1: Some(("memory".into(), Mount::at(dir.path()))),
        };
        let inode = std::fs::metadata(dir.path().join("a/b")).unwrap().ino();
        let id = |text: &str| hierarchies.choose(text.as_bytes()).unwrap().id;
        assert_eq!(id("1:memory:/a/b"), inode | CGROUP_V1);
        assert_eq!(id("1:memory:/a/../b"), 0);
        assert_eq!(id("1:memory:/gone"), 0);
    }

    /// In a machine that is itself a container, what is around that cannot be seen.
    #[test]
    fn only_a_whole_path_begins_with_a_slash() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
        let hierarchies = Hierarchies {
            v2: Some(Mount::at(dir.path())),
            v1: None,
        };
        let path = |text: &str| hierarchies.choose(text.as_bytes()).unwrap().into_path();
        assert_eq!(path("0::/a/b"), b"a/b");
        assert_eq!(path("0::/"), b".");
        let whole = Group {
            is_whole: true,
            ..hierarchies.choose(b"0::/a/b").unwrap()
        };
        assert_eq!(whole.into_path(), b"/a/b");
        let mounted = std::fs::read("/proc/self/mountinfo").unwrap();
        let real = Hierarchies::parse(&mounted, None).v2;
        let is_root = std::fs::read_link("/proc/self/ns/cgroup")
            .is_ok_and(|link| link.as_os_str() == "cgroup:[4026531835]");
        if let Some(real) = real.filter(|_| is_root) {
            assert!(real.is_whole(), "{real:?}");
        }
    }

    proptest! {
        #[test]
        fn total(mounts in prop::collection::vec(any::<u8>(), 0..300), text in prop::collection::vec(any::<u8>(), 0..300)) {
            drop(Hierarchies::parse(&mounts, Some("memory")));
            let hybrid = Hierarchies { v2: None, v1: None };
            drop(hybrid.choose(&text));
        }
    }
}
