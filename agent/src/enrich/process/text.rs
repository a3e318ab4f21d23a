//! Texts of a process: name, arguments, command line, directory.

use crate::event::Text;

/// `comm` without its NUL padding.
pub fn comm(padded: &[u8; 16]) -> &[u8] {
    let end = memchr::memchr(0, padded).unwrap_or(padded.len());
    padded.get(..end).unwrap_or_default()
}

/// `comm`, a space, the arguments joined with spaces: Falco's `proc.cmdline`.
pub fn join_cmdline(comm: &[u8], args: &[u8]) -> Text {
    if args.is_empty() {
        return comm.into();
    }
    let mut line = Vec::with_capacity(comm.len() + 1 + args.len());
    line.extend_from_slice(comm);
    line.push(b' ');
    line.extend(args.iter().map(|&b| if b == 0 { b' ' } else { b }));
    line.into()
}

/// A directory with a trailing slash, as `proc.cwd` has it; empty stays empty.
pub fn directory(path: &[u8]) -> Text {
    if path.is_empty() || path.ends_with(b"/") {
        return path.into();
    }
    [path, b"/"].concat().into()
}

/// The path of an executable as `proc.exepath` has it: without ` (deleted)`, a memfd as
/// `memfd:NAME`.
pub fn exe_path(path: &[u8], memfd: bool) -> Text {
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    match path.strip_prefix(b"/") {
        Some(rest) if memfd && rest.starts_with(b"memfd:") => rest.into(),
        _ => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cmdline_starts_with_comm() {
        assert_eq!(&*join_cmdline(b"bash", b""), b"bash");
        assert_eq!(&*join_cmdline(b"bash", b"-c\0id; ls"), b"bash -c id; ls");
        assert_eq!(&*join_cmdline(b"sh", b"-c\0"), b"sh -c ");
    }

    #[test]
    fn paths() {
        assert_eq!(&*directory(b"/tmp"), b"/tmp/");
        assert_eq!(&*directory(b"/"), b"/");
        assert_eq!(&*directory(b""), b"");
        assert_eq!(&*exe_path(b"/bin/a (deleted)", false), b"/bin/a");
        assert_eq!(&*exe_path(b"/memfd:x (deleted)", true), b"memfd:x");
        assert_eq!(&*exe_path(b"/memfd:x", false), b"/memfd:x");
        assert_eq!(comm(b"abc\0\0\0\0\0\0\0\0\0\0\0\0\0"), b"abc");
        assert_eq!(comm(b"abcdefghijklmnop"), b"abcdefghijklmnop");
    }
}
