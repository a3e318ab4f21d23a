//! cgroups: what is told of them, and some of the version 2 hierarchy for children to be put in.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use komainu::decode::Lifecycle;

use crate::{Test, watch::Watch};

pub(crate) const TESTS: &[Test] = &[("cgroup_is_known_before_anybody_is_in_it", told)];

/// Made and removed, with the number that processes in it will have.
fn told(watch: &mut Watch) {
    let (made, seen) = watch.during(|| {
        let group = Cgroup::new("kubepods/outer/inner")?;
        Some((group.id(), group.path.clone(), group.root.clone()))
    });
    let Some((id, path, root)) = made else {
        return println!("left out: no cgroup v2 hierarchy is mounted");
    };
    let of = |decoded: &komainu::decode::Decoded<'_>| match &decoded.lifecycle {
        Some(Lifecycle::Cgroup(group)) if group.id == id => {
            Some((group.is_removed, group.path.map(<[u8]>::to_vec)))
        }
        _ => None,
    };
    let told = seen.all(of);
    let [(false, Some(named)), (true, None)] = told.as_slice() else {
        panic!("{told:?}");
    };
    let below = path.strip_prefix(root.parent().unwrap()).unwrap();
    let named = Path::new(std::str::from_utf8(named).unwrap());
    assert!(
        named.ends_with(below),
        "{} {}",
        named.display(),
        below.display()
    );
}

/// A cgroup that is removed in the end, when its processes are gone.
pub(crate) struct Cgroup {
    root: PathBuf,
    path: PathBuf,
}

impl Cgroup {
    /// Makes `relative` below a directory of this process; `None` where no version 2 hierarchy is
    /// mounted.
    pub(crate) fn new(relative: &str) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let mount = mounts.lines().find_map(|line| {
            let mut columns = line.split(' ').skip(1);
            let at = columns.next()?;
            (columns.next()? == "cgroup2").then_some(at)
        })?;
        let root = Path::new(mount).join(format!("komainu-test-{}", std::process::id()));
        let path = root.join(relative);
        fs::create_dir_all(&path).unwrap();
        Some(Self { root, path })
    }

    /// As the argument of an act that enters it.
    pub(crate) fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// Its id, as in the header of a record.
    pub(crate) fn id(&self) -> u64 {
        fs::metadata(&self.path).unwrap().ino()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let patience = Instant::now() + Duration::from_secs(2);
        while fs::remove_dir(&self.path).is_err() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(10));
        }
        // What else is below the root belongs to another, who removes it.
        let above = self.path.ancestors().skip(1);
        for directory in above.take_while(|above| above.starts_with(&self.root)) {
            if fs::remove_dir(directory).is_err() {
                return;
            }
        }
    }
}

/// Moves this process into a cgroup.
pub(crate) fn enter(path: &str) {
    fs::write(Path::new(path).join("cgroup.procs"), "0").unwrap();
}
