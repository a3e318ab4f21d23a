//! Names of users and groups, from the host's `passwd(5)` and `group(5)`.
//!
//! Names inside containers come from another `passwd`; until that is read, a containerised
//! process has a name for uid 0 only ([`World`](crate::event::World)). Files are read on a thread
//! that may wait, and swapped in whole.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hashbrown::HashMap;
use rustix::fs::{CWD, Mode, OFlags};

/// Largest file read; beyond it a name would cost more than it tells.
const MAX_FILE: u64 = 4 << 20;
/// Longest name kept; `useradd(8)` allows 32 bytes.
const MAX_NAME: usize = 256;

/// Where the two files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// `passwd(5)`.
    pub passwd: PathBuf,
    /// `group(5)`.
    pub group: PathBuf,
}

/// Names by number.
#[derive(Clone, Debug, Default)]
pub struct Users {
    users: HashMap<u32, Box<str>>,
    groups: HashMap<u32, Box<str>>,
    versions: [Option<Version>; 2],
}

/// What tells one content of a file from another without reading it.
type Version = (u64, u64, i64, i64, u64);

impl Users {
    /// Reads both files. A file that cannot be read gives no names and an error to report; the
    /// other one still counts.
    pub fn load(sources: &Sources) -> (Self, Vec<(PathBuf, io::Error)>) {
        let mut users = Self::default();
        let mut errors = Vec::new();
        for (index, path) in [&sources.passwd, &sources.group].into_iter().enumerate() {
            match read(path) {
                Ok((text, version)) => {
                    let names = names(&text);
                    let (table, at) = match index {
                        0 => (&mut users.users, &mut users.versions[0]),
                        _ => (&mut users.groups, &mut users.versions[1]),
                    };
                    (*table, *at) = (names, Some(version));
                }
                Err(error) => errors.push((path.clone(), error)),
            }
        }
        (users, errors)
    }

    /// Whether a file changed since [`Users::load`].
    pub fn outdated(&self, sources: &Sources) -> bool {
        let now = [&sources.passwd, &sources.group].map(|path| {
            let meta = std::fs::symlink_metadata(path).ok()?;
            meta.is_file().then(|| version(&meta))
        });
        now != self.versions
    }

    /// Name of a user.
    pub fn user(&self, uid: u32) -> Option<&str> {
        self.users.get(&uid).map(AsRef::as_ref)
    }

    /// Name of a group.
    pub fn group(&self, gid: u32) -> Option<&str> {
        self.groups.get(&gid).map(AsRef::as_ref)
    }
}

/// Third field → first field of each line. As with `getpwuid(3)`, the first line of a number
/// counts. Lines that are no entries (comments, NIS `+` lines) are passed over.
fn names(text: &[u8]) -> HashMap<u32, Box<str>> {
    let mut names = HashMap::new();
    for line in text.split(|&b| b == b'\n') {
        let Ok(line) = str::from_utf8(line) else {
            continue;
        };
        let mut fields = line.split(':');
        let (Some(name), Some(_), Some(id)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let printable = !name.is_empty() && !name.chars().any(char::is_control);
        if let Ok(id) = id.parse()
            && printable
            && !name.starts_with(['+', '-', '#'])
            && name.len() <= MAX_NAME
        {
            names.entry(id).or_insert_with(|| name.into());
        }
    }
    names
}

/// A regular file, not through a symlink; a fifo or device of that name does not block.
fn read(path: &Path) -> io::Result<(Vec<u8>, Version)> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::openat(CWD, path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    if meta.len() > MAX_FILE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut text = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut text)?;
    Ok((text, version(&meta)))
}

fn version(meta: &std::fs::Metadata) -> Version {
    (meta.dev(), meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sources(dir: &Path) -> Sources {
        Sources {
            passwd: dir.join("passwd"),
            group: dir.join("group"),
        }
    }

    #[test]
    fn names_and_reload() {
        let dir = tempfile::tempdir().unwrap();
        let sources = sources(dir.path());
        let passwd = "root:x:0:0:r:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n# c:x:5\n+nis:x:6\nbad\nme:x:1000:1000:,,,:/:/bin/sh\nx:y:-1\nn:x:4294967296\n";
        std::fs::write(&sources.passwd, passwd).unwrap();
        std::fs::write(&sources.group, "wheel:x:10:me\n").unwrap();
        let (users, errors) = Users::load(&sources);
        assert!(errors.is_empty());
        assert_eq!((users.user(0), users.user(1000), users.user(5)), (Some("root"), Some("me"), None));
        assert_eq!((users.user(6), users.group(10), users.group(0)), (None, Some("wheel"), None));
        assert!(!users.outdated(&sources));
        std::fs::write(&sources.group, "wheel:x:10:me,you\n").unwrap();
        assert!(users.outdated(&sources));
        std::fs::remove_file(&sources.group).unwrap();
        let (users, errors) = Users::load(&sources);
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].0, sources.group);
        assert!(users.user(0).is_some() && !users.outdated(&sources));
    }

    #[test]
    fn only_regular_files() {
        let dir = tempfile::tempdir().unwrap();
        let sources = sources(dir.path());
        rustix::fs::mknodat(CWD, &sources.passwd, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        std::os::unix::fs::symlink("/etc/group", &sources.group).unwrap();
        let (users, errors) = Users::load(&sources);
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert_eq!(users.group(0), None);
        let huge = File::create(dir.path().join("huge")).unwrap();
        huge.set_len(MAX_FILE + 1).unwrap();
        assert!(read(&dir.path().join("huge")).is_err());
        assert!(read(dir.path()).is_err());
    }

    proptest! {
        #[test]
        fn total(text in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = names(&text).len();
        }
    }
}
