//! Flags of file calls.

use super::{Flag, flags};

flags! {
    /// Names of `file_flags`.
    FILE_FLAGS:
        O_LARGEFILE = 0x800, O_DIRECTORY = 0x400, O_DIRECT = 0x200, O_TRUNC = 0x100,
        O_SYNC = 0x80, O_NONBLOCK = 0x40, O_EXCL = 0x20, O_DSYNC = 0x10, O_APPEND = 8,
        O_CREAT = 4, O_RDWR = 3, O_WRONLY = 2, O_RDONLY = 1, O_CLOEXEC = 0x1000, O_NONE = 0,
        O_TMPFILE = 0x2000, O_F_CREATED = 0x4000, FD_UPPER_LAYER = 0x8000,
        FD_LOWER_LAYER = 0x10000;
}

flags! {
    /// Names of `openat2_flags`.
    OPENAT2_FLAGS:
        RESOLVE_BENEATH = 1, RESOLVE_IN_ROOT = 2, RESOLVE_NO_MAGICLINKS = 4,
        RESOLVE_NO_SYMLINKS = 8, RESOLVE_NO_XDEV = 0x10, RESOLVE_CACHED = 0x20;
}

flags! {
    /// Names of `creat_flags`.
    CREAT_FLAGS:
        FD_UPPER_LAYER_CREAT = 1, FD_LOWER_LAYER_CREAT = 2;
}

flags! {
    /// Names of `linkat_flags`.
    LINKAT_FLAGS:
        AT_SYMLINK_FOLLOW = 0x400, AT_EMPTY_PATH = 0x1000;
}

flags! {
    /// Names of the flags of `fchownat(2)`.
    FCHOWNAT_FLAGS:
        AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000;
}

flags! {
    /// Names of the commands of `fsconfig(2)`.
    FSCONFIG_COMMANDS:
        FSCONFIG_SET_FLAG = 0, FSCONFIG_SET_STRING = 1, FSCONFIG_SET_BINARY = 2,
        FSCONFIG_SET_PATH = 3, FSCONFIG_SET_PATH_EMPTY = 4, FSCONFIG_SET_FD = 5,
        FSCONFIG_CMD_CREATE = 6, FSCONFIG_CMD_RECONFIGURE = 7, FSCONFIG_CMD_CREATE_EXCL = 8;
}

flags! {
    /// Names of the protections of `mmap(2)`.
    PROT_FLAGS:
        PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, PROT_SEM = 8, PROT_GROWSDOWN = 0x1000000,
        PROT_GROWSUP = 0x2000000;
}

flags! {
    /// Names of the flags of `delete_module(2)`.
    DELETE_MODULE_FLAGS:
        O_NONBLOCK = 0x800, O_TRUNC = 0x200;
}

flags! {
    /// Names of `unlinkat_flags`.
    UNLINKAT_FLAGS:
        AT_REMOVEDIR = 0x200;
}

flags! {
    /// Names of `renameat2_flags`.
    RENAMEAT2_FLAGS:
        RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2, RENAME_WHITEOUT = 4;
}

flags! {
    /// Names of `chmod_mode`.
    CHMOD_MODE:
        S_IXOTH = 1, S_IWOTH = 2, S_IROTH = 4, S_IXGRP = 8, S_IWGRP = 0x10, S_IRGRP = 0x20,
        S_IXUSR = 0x40, S_IWUSR = 0x80, S_IRUSR = 0x100, S_ISVTX = 0x200, S_ISGID = 0x400,
        S_ISUID = 0x800;
}

flags! {
    /// Names of `mount_flags`.
    MOUNT_FLAGS:
        RDONLY = 1, NOSUID = 2, NODEV = 4, NOEXEC = 8, SYNCHRONOUS = 0x10, REMOUNT = 0x20,
        MANDLOCK = 0x40, DIRSYNC = 0x80, NOATIME = 0x400, NODIRATIME = 0x800, BIND = 0x1000,
        MOVE = 0x2000, REC = 0x4000, SILENT = 0x8000, POSIXACL = 0x10000, UNBINDABLE = 0x20000,
        PRIVATE = 0x40000, SLAVE = 0x80000, SHARED = 0x100000, RELATIME = 0x200000,
        KERNMOUNT = 0x400000, I_VERSION = 0x800000, STRICTATIME = 0x1000000, LAZYTIME = 0x2000000,
        NOSEC = 0x10000000, BORN = 0x20000000, ACTIVE = 0x40000000, NOUSER = 0x80000000;
}

flags! {
    /// Names of `umount_flags`.
    UMOUNT_FLAGS:
        FORCE = 1, DETACH = 2, EXPIRE = 4, NOFOLLOW = 8;
}

flags! {
    /// Names of `memfd_create_flags`.
    MEMFD_CREATE_FLAGS:
        MFD_CLOEXEC = 1, MFD_ALLOW_SEALING = 2, MFD_HUGETLB = 4;
}

flags! {
    /// Names of `close_range_flags`.
    CLOSE_RANGE_FLAGS:
        CLOSE_RANGE_UNSHARE = 2, CLOSE_RANGE_CLOEXEC = 4;
}

flags! {
    /// Names of `finit_module_flags`.
    FINIT_MODULE_FLAGS:
        MODULE_INIT_IGNORE_MODVERSIONS = 1, MODULE_INIT_IGNORE_VERMAGIC = 2,
        MODULE_INIT_COMPRESSED_FILE = 4;
}

flags! {
    /// Names of `fcntl_commands`.
    FCNTL_COMMANDS:
        F_GETPIPE_SZ = 0x1d, F_SETPIPE_SZ = 0x1c, F_NOTIFY = 0x1b, F_DUPFD_CLOEXEC = 0x1a,
        F_CANCELLK = 0x19, F_GETLEASE = 0x18, F_SETLEASE = 0x17, F_GETOWN_EX = 0x16,
        F_SETOWN_EX = 0x15, F_SETLKW64 = 0x13, F_SETLK64 = 0x12, F_GETLK64 = 0x11, F_GETSIG = 0xf,
        F_SETSIG = 0xd, F_GETOWN = 0xc, F_SETOWN = 0xa, F_SETLKW = 9, F_SETLK = 8, F_GETLK = 6,
        F_SETFL = 5, F_GETFL = 4, F_SETFD = 3, F_GETFD = 2, F_DUPFD = 1, F_OFD_GETLK = 0x1e,
        F_OFD_SETLK = 0x1f, F_OFD_SETLKW = 0x20, UNKNOWN = 0;
}
