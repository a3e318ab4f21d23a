//! Rule files from paths: what `--rules` and the configuration name.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags};
use sha2::{Digest as _, Sha256};

use crate::rules::Source;

/// Bytes of a rule file at most.
pub const MAX_FILE: u64 = 16 << 20;
/// Rule files at most, all paths together.
pub const MAX_FILES: usize = 4096;

/// A path that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct PathError {
    /// The path.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

/// Why a path cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It could not be opened or read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// A fifo, socket or device.
    #[error("is not a regular file")]
    NotRegular,
    /// Longer than [`MAX_FILE`].
    #[error("is larger than {MAX_FILE} bytes")]
    TooLarge,
    /// A directory without a rule file.
    #[error("is a directory without *.yaml or *.yml files")]
    Empty,
    /// More than [`MAX_FILES`].
    #[error("brings more than {MAX_FILES} rule files together")]
    TooMany,
    /// Somebody writes all the time.
    #[error("changes while it is read")]
    Unsettled,
}

/// Reads every file: files as named, of directories the `*.yaml` and `*.yml` files in the order of
/// their names. Hidden files are left out, as are subdirectories; so a mounted `ConfigMap`, whose
/// files are symlinks into a hidden `..data`, reads as what it shows.
///
/// All errors of all paths are returned, not just the first.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Vec<PathError>> {
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for path in paths {
        if let Err(error) = read_path(path, &mut files) {
            errors.extend(error);
        }
    }
    if errors.is_empty() {
        Ok(files)
    } else {
        Err(errors)
    }
}

/// Tries to read files that stay as they are meanwhile, and the pause between two.
const TRIES: usize = 20;
const AGAIN: Duration = Duration::from_millis(25);

/// The same, but of one moment: files are read again where one of them, or which there are, changed meanwhile, such as
/// by the swap of a `ConfigMap`'s `..data`.
///
/// A file that is written in place and slowly is read as it is at a moment, too: whoever changes rules does it by
/// renaming, as a kubelet does.
pub fn read_settled(paths: &[PathBuf]) -> Result<Vec<Source>, Vec<PathError>> {
    settled(paths, read)
}

fn settled(
    paths: &[PathBuf],
    mut read: impl FnMut(&[PathBuf]) -> Result<Vec<Source>, Vec<PathError>>,
) -> Result<Vec<Source>, Vec<PathError>> {
    for _ in 0..TRIES {
        let before = look(paths);
        let files = read(paths);
        if before == look(paths) {
            return files;
        }
        std::thread::sleep(AGAIN);
    }
    let unsettled = |path: &PathBuf| PathError {
        path: path.clone(),
        problem: Problem::Unsettled,
    };
    Err(paths.iter().map(unsettled).collect())
}

/// What tells one version of a file from another, without reading it: inode, size, times of change.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

/// Every file that [`read`] would read, and the directories that it would list.
fn look(paths: &[PathBuf]) -> Vec<(PathBuf, Option<Stamp>)> {
    let mut seen = Vec::new();
    for path in paths {
        seen.push((path.clone(), stamp(path)));
        if path.is_dir() {
            let files = list(path).unwrap_or_default();
            seen.extend(files.into_iter().map(|file| {
                let stamp = stamp(&file);
                (file, stamp)
            }));
        }
    }
    seen
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    let modified = (meta.mtime(), meta.mtime_nsec());
    let changed = (meta.ctime(), meta.ctime_nsec());
    Some((meta.dev(), meta.ino(), meta.size(), modified, changed))
}

/// Names what the files say: the SHA-256 of their texts in order, with line breaks as on Unix and without blanks at
/// the ends of lines and of the file. `threshold` is what else decides which of the rules are loaded.
pub fn hash(files: &[Source], threshold: &str) -> String {
    let mut sum = Sha256::new();
    let mut add = |part: &[u8]| {
        sum.update((part.len() as u64).to_le_bytes());
        sum.update(part);
    };
    add(threshold.as_bytes());
    for file in files {
        let lines = file.text.split(|byte| *byte == b'\n');
        let lines: Vec<&[u8]> = lines.map(<[u8]>::trim_ascii_end).collect();
        add(lines.join(&b'\n').trim_ascii_end());
    }
    let mut digits = String::new();
    for byte in sum.finalize() {
        let written = write!(digits, "{byte:02x}");
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
    }
    digits
}

fn read_path(path: &Path, files: &mut Vec<Source>) -> Result<(), Vec<PathError>> {
    let at = |path: &Path, problem| PathError {
        path: path.into(),
        problem,
    };
    let meta = std::fs::metadata(path).map_err(|e| vec![at(path, e.into())])?;
    let names = if meta.is_dir() {
        list(path).map_err(|problem| vec![at(path, problem)])?
    } else {
        vec![path.into()]
    };
    let mut errors = Vec::new();
    for name in names {
        if files.len() >= MAX_FILES {
            errors.push(at(path, Problem::TooMany));
            break;
        }
        match read_file(&name) {
            Ok(bytes) => files.push(Source::new(name.display().to_string(), bytes)),
            Err(problem) => errors.push(at(&name, problem)),
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors)
    }
}

/// Rule files of a directory.
fn list(directory: &Path) -> Result<Vec<PathBuf>, Problem> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let hidden = path
            .file_name()
            .is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
        let yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        // Follows symlinks; one that leads nowhere is kept, to be an error when it is read.
        if yaml && !hidden && !path.is_dir() {
            paths.push(path);
        }
        if paths.len() > MAX_FILES {
            return Err(Problem::TooMany);
        }
    }
    if paths.is_empty() {
        return Err(Problem::Empty);
    }
    paths.sort();
    Ok(paths)
}

fn read_file(path: &Path) -> Result<Vec<u8>, Problem> {
    // A fifo opened for reading would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let fd = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(io::Error::from)?;
    let file = File::from(fd);
    if !file.metadata()?.is_file() {
        return Err(Problem::NotRegular);
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Problem::TooLarge);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(files: &[Source]) -> Vec<&str> {
        files
            .iter()
            .map(|f| f.name.rsplit('/').next().unwrap())
            .collect()
    }

    #[test]
    fn directory_in_order_without_hidden_ones() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yml", "10.yaml", ".hidden.yaml", "README.md"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        std::fs::create_dir(dir.path().join("sub.yaml")).unwrap();
        let files = read(&[dir.path().into()]).unwrap();
        assert_eq!(names(&files), ["10.yaml", "a.yml", "b.yaml"]);
        assert_eq!(files[1].text, b"a.yml");
        let given = [dir.path().join("README.md"), dir.path().join("b.yaml")];
        assert_eq!(
            names(&read(&given).unwrap()),
            ["README.md", "b.yaml"],
            "as named"
        );
    }

    #[test]
    fn config_map() {
        let dir = tempfile::tempdir().unwrap();
        let version = dir.path().join("..2026_01_01");
        std::fs::create_dir(&version).unwrap();
        std::fs::write(version.join("rules.yaml"), "x").unwrap();
        symlink("..2026_01_01", dir.path().join("..data")).unwrap();
        symlink("..data/rules.yaml", dir.path().join("rules.yaml")).unwrap();
        assert_eq!(names(&read(&[dir.path().into()]).unwrap()), ["rules.yaml"]);
    }

    /// Reads, and puts another file in the place of the one there is, the first `times` times.
    fn read_among_changes(times: usize) -> (usize, Result<Vec<Source>, Vec<PathError>>) {
        let dir = tempfile::tempdir().unwrap();
        let paths = [dir.path().to_owned()];
        std::fs::write(dir.path().join("a.yaml"), "0").unwrap();
        let mut reads = 0;
        let files = settled(&paths, |paths| {
            let files = read(paths);
            reads += 1;
            if reads <= times {
                let new = dir.path().join(".new");
                std::fs::write(&new, reads.to_string()).unwrap();
                std::fs::rename(&new, dir.path().join("a.yaml")).unwrap();
            }
            files
        });
        (reads, files)
    }

    #[test]
    fn files_that_change_meanwhile_are_read_again() {
        for times in [0, 1, 3] {
            let (reads, files) = read_among_changes(times);
            assert_eq!(reads, times + 1);
            assert_eq!(files.unwrap()[0].text, times.to_string().as_bytes());
        }
        let (reads, files) = read_among_changes(usize::MAX);
        assert_eq!(reads, TRIES);
        assert!(matches!(files.unwrap_err()[0].problem, Problem::Unsettled));
    }

    #[test]
    fn a_hash_is_of_what_files_say() {
        let of = |texts: &[&str]| {
            let files: Vec<Source> = texts.iter().map(|text| Source::new("n", *text)).collect();
            hash(&files, "debug")
        };
        let one = of(&["- rule: a\n  desc: b\n"]);
        assert_eq!(one.len(), 64);
        assert_eq!(one, of(&["- rule: a  \r\n  desc: b\n\n"]));
        let others = [
            of(&["- rule: a\n desc: b\n"]),
            of(&["- rule: a\n", "  desc: b\n"]),
            of(&["- rule: a\n  desc: b\n", ""]),
            hash(&[Source::new("n", "- rule: a\n  desc: b\n")], "error"),
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(&one, other, "{index}");
        }
        assert_ne!(of(&["a", "b"]), of(&["b", "a"]), "the order decides");
    }

    #[test]
    fn errors_of_all_paths() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        rustix::fs::mknodat(CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        let large = dir.path().join("large.txt");
        File::create(&large).unwrap().set_len(MAX_FILE + 1).unwrap();
        let gone = dir.path().join("gone.yaml");
        let errors = read(&[dir.path().into(), fifo, large, gone]).unwrap_err();
        let problems: Vec<String> = errors.iter().map(|e| e.problem.to_string()).collect();
        assert_eq!(problems.len(), 4);
        assert!(problems[0].contains("directory without"));
        assert!(problems[1].contains("not a regular"));
        assert!(problems[2].contains("larger than"));
        assert!(problems[3].contains("No such file"));
        symlink("nowhere", dir.path().join("a.yaml")).unwrap();
        let errors = read(&[dir.path().into()]).unwrap_err();
        assert!(errors[0].path.ends_with("a.yaml"), "{errors:?}");
    }
}
