//! Pipes, timers, event descriptors and the rest.

use super::events;
use crate::event::Source::{Arg, Long, Of, Result};
use crate::event::flags::{
    EPOLL_CREATE1_FLAGS, FCNTL_COMMANDS, FILE_FLAGS, dup3_flags, fcntl_command,
};

events! {
    pipe => res: Errno, fd1: Fd, fd2: Fd, ino: Uint;
    eventfd => res: Fd, initval: Uint, flags: Hex;
    signalfd => res: Fd, fd: Fd, mask: Hex, flags: Hex;
    timerfd_create => res: Fd, clockid: Uint, flags: Hex;
    inotify_init => res: Fd, flags: Hex;
    fcntl (DUP) => res: Fd = Result, fd: Fd = Arg(0),
        cmd: Enum(FCNTL_COMMANDS) = Of(|args| fcntl_command(args[1])), arg: Hex = Long(2);
    dup2 (DUP) => res: Fd = Result, oldfd: Fd = Arg(0), newfd: Fd = Arg(1);
    dup3 (DUP) => res: Fd = Result, oldfd: Fd = Arg(0), newfd: Fd = Arg(1),
        flags: Flags(FILE_FLAGS) = Of(|args| dup3_flags(args[2]));
    dup (DUP) => res: Fd = Result, oldfd: Fd = Arg(0);
    epoll_create => res: Errno, size: Int;
    epoll_create1 => res: Errno, flags: Flags(EPOLL_CREATE1_FLAGS);
    pipe2 => res: Errno, fd1: Fd, fd2: Fd, ino: Uint, flags: Flags(FILE_FLAGS);
    inotify_init1 => res: Fd, flags: Flags(FILE_FLAGS);
    eventfd2 => res: Fd, flags: Flags(FILE_FLAGS), initval: Uint;
    signalfd4 => res: Fd, flags: Flags(FILE_FLAGS), fd: Fd, mask: Hex;
}
