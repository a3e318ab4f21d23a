//! Facts that are recorded only where a rule reads them: the standard descriptors, and how many are open.

use komainu_common::{facts::Held, item::tag, sock::SOCK_RESOLVED};
use zerocopy::FromBytes as _;

use super::{Items, call, sock};
use crate::event::Stream;

/// Descriptors 0, 1 and 2.
pub(super) fn streams<'a>(items: &Items<'a>) -> [Option<Stream<'a>>; 3] {
    [tag::STDIN, tag::STDOUT, tag::STDERR].map(|tag| stream(items.bytes(tag)?))
}

fn stream(item: &[u8]) -> Option<Stream<'_>> {
    let (held, name) = Held::read_from_prefix(item).ok()?;
    if held.sock.facts & SOCK_RESOLVED == 0 {
        return Some(Stream {
            kind: call::kind(held.inode_mode, name),
            name,
            socket: None,
        });
    }
    let socket = sock::held(&held.sock, (!name.is_empty()).then_some(name));
    Some(Stream {
        kind: sock::kind(&socket),
        name: &[],
        socket: Some(socket),
    })
}

/// How many descriptors are open.
pub(super) fn count(items: &Items<'_>) -> Option<u32> {
    let (count, _) = u32::read_from_prefix(items.bytes(tag::DESCRIPTORS)?).ok()?;
    Some(count)
}

#[cfg(test)]
mod tests {
    use komainu_common::{Class, exit::Exit, header::NO_SYSCALL};
    use zerocopy::{FromZeros as _, IntoBytes as _};

    use super::super::tests::{check_event, record};
    use super::*;
    use crate::event::FdKind;

    #[test]
    fn descriptors_are_files_or_sockets() {
        let mut file = Held::new_zeroed();
        file.inode_mode = 0o020_620;
        let file = [file.as_bytes(), b"/dev/pts/0"].concat();
        let mut socket = Held::new_zeroed();
        socket.sock.facts = SOCK_RESOLVED;
        socket.sock.family = 1;
        let socket = [socket.as_bytes(), b"/run/x\0"].concat();
        let items: [(u8, u8, &[u8]); 3] = [
            (tag::STDIN, 0, &file),
            (tag::STDERR, 0, &socket),
            (tag::DESCRIPTORS, 0, &[5, 0, 0, 0]),
        ];
        let bytes = record(Class::EXIT, NO_SYSCALL, 0, &Exit::new_zeroed(), &items);
        check_event(&bytes, |event| {
            let [Some(input), None, Some(error)] = &event.stdio else {
                panic!("{:?}", event.stdio);
            };
            assert_eq!((input.kind, input.name), (FdKind::File, &b"/dev/pts/0"[..]));
            assert_eq!(error.kind, FdKind::Unix);
            let path = error.socket.as_ref().and_then(|socket| socket.unix_path);
            assert_eq!(path, Some(&b"/run/x"[..]));
            assert_eq!(event.open_descriptors, Some(5));
        });
        let short: [(u8, u8, &[u8]); 2] = [(tag::STDIN, 0, b"x"), (tag::DESCRIPTORS, 0, b"")];
        let bytes = record(Class::EXIT, NO_SYSCALL, 0, &Exit::new_zeroed(), &short);
        check_event(&bytes, |event| {
            assert!(event.stdio.iter().all(Option::is_none) && event.open_descriptors.is_none());
        });
    }
}
