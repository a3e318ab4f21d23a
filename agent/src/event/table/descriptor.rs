//! Pipes, timers, event descriptors and the rest.

use super::events;
use crate::event::flags::{EPOLL_CREATE1_FLAGS, FCNTL_COMMANDS, FILE_FLAGS};

events! {
    pipe => res: Errno, fd1: Fd, fd2: Fd, ino: Uint;
    eventfd => res: Fd, initval: Uint, flags: Hex;
    signalfd => res: Fd, fd: Fd, mask: Hex, flags: Hex;
    timerfd_create => res: Fd, clockid: Uint, flags: Hex;
    inotify_init => res: Fd, flags: Hex;
    fcntl => res: Fd, fd: Fd, cmd: Enum(FCNTL_COMMANDS), arg: Hex;
    dup2 => res: Fd, oldfd: Fd, newfd: Fd;
    dup3 => res: Fd, oldfd: Fd, newfd: Fd, flags: Flags(FILE_FLAGS);
    dup => res: Fd, oldfd: Fd;
    epoll_create => res: Errno, size: Int;
    epoll_create1 => res: Errno, flags: Flags(EPOLL_CREATE1_FLAGS);
    pipe2 => res: Errno, fd1: Fd, fd2: Fd, ino: Uint, flags: Flags(FILE_FLAGS);
    inotify_init1 => res: Fd, flags: Flags(FILE_FLAGS);
    eventfd2 => res: Fd, flags: Flags(FILE_FLAGS), initval: Uint;
    signalfd4 => res: Fd, flags: Flags(FILE_FLAGS), fd: Fd, mask: Hex;
}
