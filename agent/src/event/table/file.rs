//! Files, directories, mounts.

use super::events;
use crate::event::Source::{Arg, Id, Of, Path, Path2, Result, Text, Text2};
use crate::event::flags::{
    CHMOD_MODE, CLOSE_RANGE_FLAGS, CREAT_FLAGS, FCHOWNAT_FLAGS, FILE_FLAGS, FSCONFIG_COMMANDS,
    LINKAT_FLAGS, MEMFD_CREATE_FLAGS, MOUNT_FLAGS, OPENAT2_FLAGS, RENAMEAT2_FLAGS, UMOUNT_FLAGS,
    UNLINKAT_FLAGS, mount_flags,
};

events! {
    open (OPEN) => fd: Fd, name: Path, flags: Flags(FILE_FLAGS), mode: Octal, dev: Hex, ino: Uint;
    openat (OPEN) => fd: Fd, dirfd: Fd, name: RelPath, flags: Flags(FILE_FLAGS), mode: Octal,
        dev: Hex, ino: Uint;
    openat2 (OPEN) => fd: Fd, dirfd: Fd, name: RelPath, flags: Flags(FILE_FLAGS), mode: Octal,
        resolve: Flags(OPENAT2_FLAGS), dev: Hex, ino: Uint;
    creat (OPEN) => fd: Fd, name: Path, mode: Octal, dev: Hex, ino: Uint,
        creat_flags: Flags(CREAT_FLAGS);
    open_by_handle_at (OPEN) => fd: Fd, mountfd: Fd, flags: Flags(FILE_FLAGS), path: Path, dev: Hex,
        ino: Uint;
    close => res: Errno, fd: Fd;
    close_range => res: Errno, first: Uint, last: Uint, flags: Flags(CLOSE_RANGE_FLAGS);
    rename (RENAME) => res: Errno = Result, oldpath: Path = Path, newpath: Path = Path2;
    renameat (RENAME) => res: Errno = Result, olddirfd: Fd = Arg(0), oldpath: RelPath = Path,
        newdirfd: Fd = Arg(2), newpath: RelPath = Path2;
    renameat2 (RENAME) => res: Errno = Result, olddirfd: Fd = Arg(0), oldpath: RelPath = Path,
        newdirfd: Fd = Arg(2), newpath: RelPath = Path2, flags: Flags(RENAMEAT2_FLAGS) = Arg(4);
    symlink (RENAME) => res: Errno = Result, target: Text = Text, linkpath: Path = Path;
    symlinkat (RENAME) => res: Errno = Result, target: Text = Text, linkdirfd: Fd = Arg(1),
        linkpath: RelPath = Path;
    link (RENAME) => res: Errno = Result, oldpath: Path = Path, newpath: Path = Path2;
    linkat (RENAME) => res: Errno = Result, olddir: Fd = Arg(0), oldpath: RelPath = Path,
        newdir: Fd = Arg(2), newpath: RelPath = Path2, flags: Flags(LINKAT_FLAGS) = Arg(4);
    unlink (UNLINK) => res: Errno = Result, path: Path = Path;
    unlinkat (UNLINK) => res: Errno = Result, dirfd: Fd = Arg(0), name: RelPath = Path,
        flags: Flags(UNLINKAT_FLAGS) = Arg(2);
    mkdir (MKDIR) => res: Errno = Result, path: Path = Path, mode: Hex = Arg(1);
    mkdirat (MKDIR) => res: Errno = Result, dirfd: Fd = Arg(0), path: RelPath = Path,
        mode: Hex = Arg(2);
    mknod (MKDIR) => res: Errno = Result, path: Path = Path, mode: Octal = Arg(1),
        dev: Uint = Arg(2);
    mknodat (MKDIR) => res: Errno = Result, dirfd: Fd = Arg(0), path: RelPath = Path,
        mode: Octal = Arg(2), dev: Uint = Arg(3);
    rmdir (UNLINK) => res: Errno = Result, path: Path = Path;
    chmod (ATTRIBUTE) => res: Errno = Result, filename: Path = Path,
        mode: Mode(CHMOD_MODE) = Arg(1);
    fchmod (ATTRIBUTE) => res: Errno = Result, fd: Fd = Arg(0), mode: Mode(CHMOD_MODE) = Arg(1);
    fchmodat (ATTRIBUTE) => res: Errno = Result, dirfd: Fd = Arg(0), filename: RelPath = Path,
        mode: Mode(CHMOD_MODE) = Arg(2);
    chown (ATTRIBUTE) => res: Errno = Result, path: Path = Path, uid: Uint = Id(1),
        gid: Uint = Id(2);
    lchown (ATTRIBUTE) => res: Errno = Result, path: Path = Path, uid: Uint = Id(1),
        gid: Uint = Id(2);
    fchown (ATTRIBUTE) => res: Errno = Result, fd: Fd = Arg(0), uid: Uint = Id(1), gid: Uint = Id(2);
    fchownat (ATTRIBUTE) => res: Errno = Result, dirfd: Fd = Arg(0), pathname: RelPath = Path,
        uid: Uint = Id(2), gid: Uint = Id(3), flags: Flags(FCHOWNAT_FLAGS) = Arg(4);
    chdir (DIRECTORY) => res: Errno = Result, path: Text = Path;
    fchdir (DIRECTORY) => res: Errno = Result, fd: Fd = Arg(0);
    getcwd => res: Errno, path: Text;
    chroot (MOUNT) => res: Errno = Result, path: Path = Path;
    pivot_root (MOUNT) => res: Errno = Result, new_root: Path = Path, put_old: Path = Path2;
    mount (MOUNT) => res: Errno = Result, dev: Text = Text, dir: Path = Path, type: Text = Text2,
        flags: Flags(MOUNT_FLAGS) = Of(|args| mount_flags(args[3]));
    umount (MOUNT) => res: Errno = Result, name: Path = Path;
    umount2 (MOUNT) => res: Errno = Result, name: Path = Path, flags: Flags(UMOUNT_FLAGS) = Arg(1);
    move_mount (MOUNT) => res: Errno = Result, from_dirfd: Fd = Arg(0), from_path: RelPath = Path,
        to_dirfd: Fd = Arg(2), to_path: RelPath = Path2, flags: Hex = Arg(4);
    fsconfig (MOUNT) => res: Errno = Result, fd: Fd = Arg(0), cmd: Enum(FSCONFIG_COMMANDS) = Arg(1),
        key: Text = Text, value: Text = Text2, aux: Int = Arg(4);
    read => res: Errno, data: Bytes, fd: Fd, size: Uint;
    pwrite => res: Errno, data: Bytes, fd: Fd, size: Uint, pos: Uint;
    splice => res: Errno, fd_in: Fd, fd_out: Fd, size: Uint, flags: Flags(&[]);
    memfd_create (OBJECT) => fd: Fd = Result, name: Text = Text,
        flags: Flags(MEMFD_CREATE_FLAGS) = Arg(1);
}
