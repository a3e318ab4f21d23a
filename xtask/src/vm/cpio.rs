//! An initial file system, cpio(5) in its new portable format (`Documentation/driver-api/early-userspace/buffer-format.rst`).

use anyhow::Result;

/// One that is being written.
#[derive(Debug, Default)]
pub(super) struct Cpio {
    bytes: Vec<u8>,
    inode: u32,
}

impl Cpio {
    pub(super) fn directory(&mut self, path: &str) -> Result<()> {
        self.entry(path, 0o40_755, &[], [0, 0])
    }

    /// A file that anybody may run.
    pub(super) fn file(&mut self, path: &str, content: &[u8]) -> Result<()> {
        self.entry(path, 0o100_755, content, [0, 0])
    }

    /// A character device.
    pub(super) fn device(&mut self, path: &str, number: [u32; 2]) -> Result<()> {
        self.entry(path, 0o20_600, &[], number)
    }

    /// What the kernel unpacks.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        self.entry("TRAILER!!!", 0, &[], [0, 0])?;
        Ok(self.bytes)
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8], device: [u32; 2]) -> Result<()> {
        self.inode += 1;
        let size = u32::try_from(content.len())?;
        let name = u32::try_from(path.len() + 1)?;
        let [major, minor] = device;
        // Inode, mode, user, group, links, time, size, device of the file, device number, name, checksum.
        let fields = [
            self.inode, mode, 0, 0, 1, 0, size, 0, 0, major, minor, name, 0,
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
        Ok(())
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_follow_each_other_at_multiples_of_four() {
        let mut cpio = Cpio::default();
        cpio.directory("dev").unwrap();
        cpio.device("dev/console", [5, 1]).unwrap();
        cpio.file("init", b"hello").unwrap();
        let bytes = cpio.finish().unwrap();
        let starts: Vec<usize> = bytes
            .windows(6)
            .enumerate()
            .filter_map(|(at, window)| (window == b"070701").then_some(at))
            .collect();
        assert_eq!(starts.len(), 4);
        assert!(starts.iter().all(|at| at % 4 == 0));
        let text = |at: usize, len: usize| std::str::from_utf8(&bytes[at..at + len]).unwrap();
        // Size in the seventh field, the name behind thirteen of them.
        assert_eq!(text(starts[2] + 6 + 6 * 8, 8), "00000005");
        assert_eq!(text(starts[2] + 6 + 13 * 8, 4), "init");
        assert_eq!(text(starts[1] + 6 + 9 * 8, 16), "0000000500000001");
    }
}
