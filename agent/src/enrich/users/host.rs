//! The host's users and groups. Files are read on a thread that may wait, and swapped in whole.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};

use super::names::Names;
use super::version::Version;

/// Largest file read; beyond it a name would cost more than it tells.
const MAX_FILE: u64 = 4 << 20;

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
    names: Names,
    versions: [Option<Version>; 2],
}

impl Users {
    /// Reads both files. A file that cannot be read gives no names and an error to report; the
    /// other one still counts.
    pub fn load(sources: &Sources) -> (Self, Vec<(PathBuf, io::Error)>) {
        let mut users = Self::default();
        let mut errors = Vec::new();
        // Before reading, so that a change meanwhile is seen; and of a file that cannot be read
        // too, so that it is tried and reported again only when it changes.
        users.versions = versions(sources);
        let mut text = |path: &Path| {
            read(path).unwrap_or_else(|error| {
                errors.push((path.to_path_buf(), error));
                Vec::new()
            })
        };
        users.names = Names::parse(&text(&sources.passwd), &text(&sources.group));
        (users, errors)
    }

    /// Whether a file changed since [`Users::load`].
    pub fn outdated(&self, sources: &Sources) -> bool {
        versions(sources) != self.versions
    }

    /// The names.
    pub fn names(&self) -> &Names {
        &self.names
    }
}

/// A regular file, not through a symlink; a fifo or device of that name does not block.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags =
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::openat(CWD, path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    if meta.len() > MAX_FILE {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut text = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut text)?;
    Ok(text)
}

fn versions(sources: &Sources) -> [Option<Version>; 2] {
    [&sources.passwd, &sources.group].map(|path| version(path))
}

/// `None` where there is no regular file of that name.
fn version(path: &Path) -> Option<Version> {
    Version::of(&rustix::fs::lstat(path).ok()?)
}

#[cfg(test)]
mod tests {
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
        let name = |uid| users.names().user(uid).map(|user| user.name);
        assert_eq!(
            (name(0), name(1000), name(5), name(6)),
            (Some("root"), Some("me"), None, None)
        );
        assert_eq!(
            (users.names().group(10), users.names().group(0)),
            (Some("wheel"), None)
        );
        let root = users.names().user(0).unwrap();
        assert_eq!((root.home, root.shell), ("/root", "/bin/sh"));
        assert!(!users.outdated(&sources));
        std::fs::write(&sources.group, "wheel:x:10:me,you\n").unwrap();
        assert!(users.outdated(&sources));
        std::fs::remove_file(&sources.group).unwrap();
        let (users, errors) = Users::load(&sources);
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].0, sources.group);
        assert!(users.names().user(0).is_some() && !users.outdated(&sources));
    }

    #[test]
    fn only_regular_files() {
        let dir = tempfile::tempdir().unwrap();
        let sources = sources(dir.path());
        rustix::fs::mknodat(
            CWD,
            &sources.passwd,
            rustix::fs::FileType::Fifo,
            Mode::RUSR,
            0,
        )
        .unwrap();
        std::os::unix::fs::symlink("/etc/group", &sources.group).unwrap();
        let (users, errors) = Users::load(&sources);
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert_eq!(users.names().group(0), None);
        let huge = File::create(dir.path().join("huge")).unwrap();
        huge.set_len(MAX_FILE + 1).unwrap();
        assert!(read(&dir.path().join("huge")).is_err());
        assert!(read(dir.path()).is_err());
    }

    /// The reader asks every few seconds; a file that cannot be read is one message, not many.
    #[test]
    fn unusable_files_are_tried_once() {
        let dir = tempfile::tempdir().unwrap();
        let sources = sources(dir.path());
        let huge = File::create(&sources.passwd).unwrap();
        huge.set_len(MAX_FILE + 1).unwrap();
        let (users, errors) = Users::load(&sources);
        assert_eq!(errors.len(), 2, "{errors:?}");
        assert!(!users.outdated(&sources));
        huge.set_len(0).unwrap();
        assert!(users.outdated(&sources));
    }
}
