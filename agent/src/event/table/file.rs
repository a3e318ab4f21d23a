//! Files, directories, mounts.

use super::events;
use crate::event::flags::{
    CHMOD_MODE, CLOSE_RANGE_FLAGS, CREAT_FLAGS, FILE_FLAGS, LINKAT_FLAGS, MEMFD_CREATE_FLAGS,
    MOUNT_FLAGS, OPENAT2_FLAGS, RENAMEAT2_FLAGS, UMOUNT_FLAGS, UNLINKAT_FLAGS,
};

events! {
    open (OPEN) => fd: Fd, name: Path, flags: Flags(FILE_FLAGS), mode: Octal, dev: Hex, ino: Uint;
    openat (OPEN) => fd: Fd, dirfd: Fd, name: RelPath, flags: Flags(FILE_FLAGS), mode: Octal,
        dev: Hex, ino: Uint;
    openat2 (OPEN) => fd: Fd, dirfd: Fd, name: RelPath, flags: Flags(FILE_FLAGS), mode: Octal,
        resolve: Flags(OPENAT2_FLAGS), dev: Hex, ino: Uint;
    creat (OPEN) => fd: Fd, name: Path, mode: Octal, dev: Hex, ino: Uint,
        creat_flags: Flags(CREAT_FLAGS);
    open_by_handle_at => fd: Fd, mountfd: Fd, flags: Flags(FILE_FLAGS), path: Path, dev: Hex,
        ino: Uint;
    close => res: Errno, fd: Fd;
    close_range => res: Errno, first: Uint, last: Uint, flags: Flags(CLOSE_RANGE_FLAGS);
    rename => res: Errno, oldpath: Path, newpath: Path;
    renameat => res: Errno, olddirfd: Fd, oldpath: RelPath, newdirfd: Fd, newpath: RelPath;
    renameat2 => res: Errno, olddirfd: Fd, oldpath: RelPath, newdirfd: Fd, newpath: RelPath,
        flags: Flags(RENAMEAT2_FLAGS);
    symlink => res: Errno, target: Text, linkpath: Path;
    symlinkat => res: Errno, target: Text, linkdirfd: Fd, linkpath: RelPath;
    link => res: Errno, oldpath: Path, newpath: Path;
    linkat => res: Errno, olddir: Fd, oldpath: RelPath, newdir: Fd, newpath: RelPath,
        flags: Flags(LINKAT_FLAGS);
    unlink => res: Errno, path: Path;
    unlinkat => res: Errno, dirfd: Fd, name: RelPath, flags: Flags(UNLINKAT_FLAGS);
    mkdir => res: Errno, path: Path, mode: Hex;
    mkdirat => res: Errno, dirfd: Fd, path: RelPath, mode: Hex;
    rmdir => res: Errno, path: Path;
    chmod => res: Errno, filename: Path, mode: Mode(CHMOD_MODE);
    fchmod => res: Errno, fd: Fd, mode: Mode(CHMOD_MODE);
    fchmodat => res: Errno, dirfd: Fd, filename: RelPath, mode: Mode(CHMOD_MODE);
    chown => res: Errno, path: Path, uid: Uint, gid: Uint;
    lchown => res: Errno, path: Path, uid: Uint, gid: Uint;
    fchown => res: Errno, fd: Fd, uid: Uint, gid: Uint;
    fchownat => res: Errno, dirfd: Fd, pathname: RelPath, uid: Uint, gid: Uint, flags: Flags(&[]);
    chdir => res: Errno, path: Text;
    fchdir => res: Errno, fd: Fd;
    getcwd => res: Errno, path: Text;
    chroot => res: Errno, path: Path;
    mount => res: Errno, dev: Text, dir: Path, type: Text, flags: Flags(MOUNT_FLAGS);
    umount => res: Errno, name: Path;
    umount2 => res: Errno, name: Path, flags: Flags(UMOUNT_FLAGS);
    read => res: Errno, data: Bytes, fd: Fd, size: Uint;
    pwrite => res: Errno, data: Bytes, fd: Fd, size: Uint, pos: Uint;
    splice => res: Errno, fd_in: Fd, fd_out: Fd, size: Uint, flags: Flags(&[]);
    memfd_create => fd: Fd, name: Text, flags: Flags(MEMFD_CREATE_FLAGS);
}
