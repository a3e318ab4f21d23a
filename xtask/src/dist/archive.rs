//! Files for an archive, the same bytes each time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// Contents by path.
#[derive(Debug, Default)]
pub(super) struct Archive {
    files: BTreeMap<String, (Vec<u8>, bool)>,
}

impl Archive {
    /// Adds a file of root's that everybody may read.
    pub(super) fn add(&mut self, path: &str, bytes: Vec<u8>, executable: bool) {
        self.files.insert(path.to_owned(), (bytes, executable));
    }

    /// Adds the files of another.
    pub(super) fn append(&mut self, other: &Self) {
        let files = other.files.iter();
        let files = files.map(|(path, file)| (path.clone(), file.clone()));
        self.files.extend(files);
    }

    /// Adds the files of a directory and those below whose path in it is wanted. Links are followed.
    pub(super) fn add_dir(
        &mut self,
        path: &str,
        dir: &Path,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let mut open = vec![(dir.to_owned(), String::new())];
        while let Some((dir, prefix)) = open.pop() {
            for entry in
                fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?
            {
                let file = entry?.path();
                let name = format!(
                    "{prefix}{}",
                    file.file_name().unwrap_or_default().to_string_lossy()
                );
                if file.is_dir() {
                    open.push((file, format!("{name}/")));
                } else if wanted(&name) {
                    self.add(&format!("{path}/{name}"), fs::read(&file)?, false);
                }
            }
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// As tar(5), with the directories that the paths need.
    pub(super) fn tar(&self, epoch: u64) -> Result<Vec<u8>> {
        let mut tar = Builder::new(Vec::new());
        for dir in self.dirs() {
            let mut header = header(EntryType::Directory, 0o755, 0, epoch);
            tar.append_data(&mut header, format!("{dir}/"), &[][..])?;
        }
        for (path, (bytes, executable)) in &self.files {
            let mode = if *executable { 0o755 } else { 0o644 };
            let mut header = header(EntryType::Regular, mode, bytes.len() as u64, epoch);
            tar.append_data(&mut header, path, bytes.as_slice())?;
        }
        Ok(tar.into_inner()?)
    }

    /// The same, compressed.
    pub(super) fn gzip(&self, epoch: u64) -> Result<Vec<u8>> {
        gzip(&self.tar(epoch)?)
    }

    fn dirs(&self) -> BTreeSet<&str> {
        let ends = |path: &str| {
            path.match_indices('/')
                .map(|(at, _)| at)
                .collect::<Vec<_>>()
        };
        let above = self.files.keys().flat_map(|path| {
            let ends = ends(path).into_iter();
            ends.filter_map(move |end| path.get(..end))
        });
        above.collect()
    }
}

/// Compressed as well as gzip(1) can, without name and time.
pub(super) fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gz = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    gz.write_all(bytes)?;
    Ok(gz.finish()?)
}

fn header(kind: EntryType, mode: u32, size: u64, epoch: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(epoch);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn an_archive_is_the_same_each_time_and_has_its_directories() {
        let mut files = Archive::default();
        files.add("b/c/run", b"1".to_vec(), true);
        files.add("a", b"22".to_vec(), false);
        let bytes = files.tar(7).unwrap();
        assert_eq!(bytes, files.tar(7).unwrap());
        let mut tar = tar::Archive::new(bytes.as_slice());
        let entries: Vec<_> = tar
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                let header = entry.header();
                let path = entry.path().unwrap().display().to_string();
                (path, header.mode().unwrap(), header.mtime().unwrap(), text)
            })
            .collect();
        let entry = |path: &str, mode, text: &str| (path.to_owned(), mode, 7, text.to_owned());
        assert_eq!(
            entries,
            [
                entry("b/", 0o755, ""),
                entry("b/c/", 0o755, ""),
                entry("a", 0o644, "22"),
                entry("b/c/run", 0o755, "1"),
            ]
        );
    }

    #[test]
    fn what_is_compressed_comes_back() {
        let mut text = String::new();
        let bytes = gzip(b"text").unwrap();
        flate2::read::GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "text");
        assert_eq!(bytes, gzip(b"text").unwrap());
    }
}
