//! Every kernel struct member that the kernel half reads.
//!
//! rustc emits no CO-RE relocations, so offsets are resolved at start from
//! `/sys/kernel/btf/vmlinux` and handed to the programs as one frozen global. Each row is a
//! liability: a kernel that renames the member needs a new alternative here.

/// Offset of a member this kernel does not have. The verifier sees the constant and removes the
/// branch that would read it.
pub const ABSENT: u32 = u32::MAX;

/// How one offset is found.
#[derive(Clone, Copy, Debug)]
pub struct OffsetSpec {
    /// Name of the field in [`KernelOffsets`].
    pub name: &'static str,
    /// `(struct, member path)`, tried in order; an empty path means the size of the struct.
    pub alternatives: &'static [(&'static str, &'static str)],
    /// Without it no program can work.
    pub required: bool,
}

macro_rules! offsets {
    ($($(#[$meta:meta])* $name:ident: $need:ident $(($strct:literal, $path:literal))+;)*) => {
        wire! {
            /// Offsets in bytes, [`ABSENT`] where the kernel has no such member.
            pub struct KernelOffsets {
                $($(#[doc = concat!("`", $strct, "` `", $path, "`\n\n")])+ $(#[$meta])* pub $name: u32,)*
            }
        }

        impl KernelOffsets {
            /// Placeholder in the object file, replaced before load.
            pub const UNRESOLVED: Self = Self { $($name: ABSENT,)* };

            /// How to resolve each field.
            pub const TABLE: &'static [OffsetSpec] = &[$(OffsetSpec {
                name: stringify!($name),
                alternatives: &[$(($strct, $path)),+],
                required: offsets!(@need $need),
            },)*];

            /// Builds the struct from a resolver called once per row of [`Self::TABLE`].
            pub fn from_fn<E>(mut resolve: impl FnMut(&'static OffsetSpec) -> Result<u32, E>) -> Result<Self, E> {
                let mut rows = Self::TABLE.iter();
                $(let $name = match rows.next() {
                    Some(spec) => resolve(spec)?,
                    None => ABSENT,
                };)*
                Ok(Self { $($name,)* })
            }
        }
    };
    (@need aarch64) => { cfg!(any(target_arch = "aarch64", bpf_target_arch = "aarch64")) };
    (@need required) => { true };
    (@need optional) => { false };
}

offsets! {
    /// What the kernel keeps beside the registers of a program in a system call, on arm64.
    regs_orig_x0: aarch64 ("pt_regs", "orig_x0");
    regs_syscallno: aarch64 ("pt_regs", "syscallno");
    /// `thread_info.status` within `task_struct`: carries `TS_COMPAT` on x86.
    task_thread_status: optional ("task_struct", "thread_info.status");
    task_pid: required ("task_struct", "pid");
    task_tgid: required ("task_struct", "tgid");
    task_real_parent: required ("task_struct", "real_parent");
    task_children: required ("task_struct", "children");
    task_group_leader: required ("task_struct", "group_leader");
    task_start_boottime: required ("task_struct", "start_boottime") ("task_struct", "real_start_time");
    task_comm: required ("task_struct", "comm");
    task_cred: required ("task_struct", "cred");
    task_mm: required ("task_struct", "mm");
    task_fs: required ("task_struct", "fs");
    task_files: required ("task_struct", "files");
    task_nsproxy: required ("task_struct", "nsproxy");
    task_signal: required ("task_struct", "signal");
    task_thread_pid: required ("task_struct", "thread_pid");
    task_cgroups: required ("task_struct", "cgroups");
    task_loginuid: optional ("task_struct", "loginuid");
    task_sessionid: optional ("task_struct", "sessionid");
    task_exit_code: required ("task_struct", "exit_code");
    task_min_flt: required ("task_struct", "min_flt");
    task_maj_flt: required ("task_struct", "maj_flt");

    cred_uid: required ("cred", "uid");
    cred_gid: required ("cred", "gid");
    cred_euid: required ("cred", "euid");
    cred_egid: required ("cred", "egid");
    cred_fsuid: required ("cred", "fsuid");
    cred_fsgid: required ("cred", "fsgid");
    cred_cap_inheritable: required ("cred", "cap_inheritable");
    cred_cap_permitted: required ("cred", "cap_permitted");
    cred_cap_effective: required ("cred", "cap_effective");
    cred_user_ns: required ("cred", "user_ns");

    signal_threads: required ("signal_struct", "nr_threads");
    signal_live: required ("signal_struct", "live");
    /// The first bit of its byte; the next is `has_child_subreaper`.
    signal_subreaper: optional ("signal_struct", "is_child_subreaper");
    signal_rlim: required ("signal_struct", "rlim");
    rlimit_size: required ("rlimit", "");
    signal_tty: required ("signal_struct", "tty");
    signal_pids: required ("signal_struct", "pids");
    tty_driver: required ("tty_struct", "driver");
    tty_index: required ("tty_struct", "index");
    tty_driver_major: required ("tty_driver", "major");
    tty_driver_minor_start: required ("tty_driver", "minor_start");

    pid_level: required ("pid", "level");
    pid_numbers: required ("pid", "numbers");
    upid_nr: required ("upid", "nr");
    upid_ns: required ("upid", "ns");
    upid_size: required ("upid", "");
    pidns_child_reaper: required ("pid_namespace", "child_reaper");
    pidns_inum: required ("pid_namespace", "ns.inum");
    nsproxy_mnt: required ("nsproxy", "mnt_ns");
    nsproxy_net: required ("nsproxy", "net_ns");
    mntns_inum: required ("mnt_namespace", "ns.inum");
    net_inum: required ("net", "ns.inum");
    userns_inum: required ("user_namespace", "ns.inum");

    mm_arg_start: required ("mm_struct", "arg_start");
    mm_arg_end: required ("mm_struct", "arg_end");
    mm_env_start: required ("mm_struct", "env_start");
    mm_env_end: required ("mm_struct", "env_end");
    mm_exe_file: required ("mm_struct", "exe_file");
    mm_total_vm: required ("mm_struct", "total_vm");
    /// An array of numbers before 6.2, of `percpu_counter` since.
    mm_rss_numbers: optional ("mm_struct", "rss_stat.count");
    mm_rss_counters: optional ("mm_struct", "rss_stat");
    percpu_counter_count: optional ("percpu_counter", "count");
    percpu_counter_size: optional ("percpu_counter", "");

    fs_root: required ("fs_struct", "root");
    fs_pwd: required ("fs_struct", "pwd");
    files_fdt: required ("files_struct", "fdt");
    fdt_max_fds: required ("fdtable", "max_fds");
    fdt_open_fds: required ("fdtable", "open_fds");
    fdt_fd: required ("fdtable", "fd");

    file_path: required ("file", "f_path");
    file_inode: required ("file", "f_inode");
    file_mode: required ("file", "f_mode");
    file_private_data: required ("file", "private_data");
    path_mnt: required ("path", "mnt");
    path_dentry: required ("path", "dentry");
    dentry_parent: required ("dentry", "d_parent");
    dentry_name: required ("dentry", "d_name");
    qstr_name: required ("qstr", "name");
    qstr_len: required ("qstr", "len");
    dentry_hash_pprev: required ("dentry", "d_hash.pprev");
    dentry_inode: required ("dentry", "d_inode");
    vfsmount_root: required ("vfsmount", "mnt_root");
    mount_mnt: required ("mount", "mnt");
    mount_parent: required ("mount", "mnt_parent");
    mount_mountpoint: required ("mount", "mnt_mountpoint");
    mount_ns: required ("mount", "mnt_ns");

    inode_mode: required ("inode", "i_mode");
    inode_uid: required ("inode", "i_uid");
    inode_gid: required ("inode", "i_gid");
    inode_ino: required ("inode", "i_ino");
    inode_sb: required ("inode", "i_sb");
    inode_flags: required ("inode", "i_flags");
    inode_size: required ("inode", "");
    /// `struct timespec64` before 6.6, two members after 6.11.
    inode_ctime_sec: optional ("inode", "i_ctime_sec") ("inode", "__i_ctime.tv_sec") ("inode", "i_ctime.tv_sec");
    inode_ctime_nsec: optional ("inode", "i_ctime_nsec") ("inode", "__i_ctime.tv_nsec") ("inode", "i_ctime.tv_nsec");
    inode_mtime_sec: optional ("inode", "i_mtime_sec") ("inode", "__i_mtime.tv_sec") ("inode", "i_mtime.tv_sec");
    inode_mtime_nsec: optional ("inode", "i_mtime_nsec") ("inode", "__i_mtime.tv_nsec") ("inode", "i_mtime.tv_nsec");
    sb_dev: required ("super_block", "s_dev");
    sb_flags: required ("super_block", "s_flags");
    sb_magic: required ("super_block", "s_magic");

    socket_sk: required ("socket", "sk");
    sock_family: required ("sock_common", "skc_family");
    sock_state: required ("sock_common", "skc_state");
    sock_daddr: required ("sock_common", "skc_daddr");
    sock_rcv_saddr: required ("sock_common", "skc_rcv_saddr");
    sock_dport: required ("sock_common", "skc_dport");
    sock_num: required ("sock_common", "skc_num");
    /// Absent without `CONFIG_IPV6`.
    sock_v6_daddr: optional ("sock_common", "skc_v6_daddr");
    sock_v6_rcv_saddr: optional ("sock_common", "skc_v6_rcv_saddr");
    sock_type: required ("sock", "sk_type");
    sock_protocol: required ("sock", "sk_protocol");
    sock_ack_backlog: required ("sock", "sk_ack_backlog");
    sock_max_ack_backlog: required ("sock", "sk_max_ack_backlog");
    /// A bit field before 6.8.
    sock_userlocks: optional ("sock", "sk_userlocks");
    unix_addr: optional ("unix_sock", "addr");
    unix_peer: optional ("unix_sock", "peer");
    unix_address_len: optional ("unix_address", "len");
    unix_address_name: optional ("unix_address", "name");

    cssset_dfl_cgrp: required ("css_set", "dfl_cgrp");
    cssset_subsys: required ("css_set", "subsys");
    css_cgroup: required ("cgroup_subsys_state", "cgroup");
    cgroup_kn: required ("cgroup", "kn");
    cgroup_root: required ("cgroup", "root");
    cgroup_hierarchy: required ("cgroup_root", "hierarchy_id");
    cgroup_subsys: required ("cgroup", "subsys");
    cgroup_level: required ("cgroup", "level");
    kernfs_id: required ("kernfs_node", "id");
    kernfs_name: required ("kernfs_node", "name");
    /// Renamed in 6.15.
    kernfs_parent: required ("kernfs_node", "__parent") ("kernfs_node", "parent");

    bprm_filename: required ("linux_binprm", "filename");
    bprm_interp: required ("linux_binprm", "interp");

    filename_name: optional ("filename", "name");
    uring_file: optional ("io_kiocb", "file");
    /// The operation's own struct: `struct io_open`, `struct io_connect`, …
    uring_cmd: optional ("io_kiocb", "cmd");
    uring_opcode: optional ("io_kiocb", "opcode");
    uring_flags: optional ("io_kiocb", "flags");
    uring_fd: optional ("io_kiocb", "cqe.fd");
    uring_res: optional ("io_kiocb", "cqe.res");
    uring_ctx: optional ("io_kiocb", "ctx");
    uring_async_data: optional ("io_kiocb", "async_data");
    uring_open_dfd: optional ("io_open", "dfd");
    uring_open_slot: optional ("io_open", "file_slot");
    uring_open_filename: optional ("io_open", "filename");
    uring_open_flags: optional ("io_open", "how.flags");
    uring_open_mode: optional ("io_open", "how.mode");
    uring_open_resolve: optional ("io_open", "how.resolve");
    uring_connect_addr: optional ("io_connect", "addr");
    uring_connect_len: optional ("io_connect", "addr_len");
    /// Until 6.9, where the address is copied from user memory only when the operation is done.
    uring_async_connect: optional ("io_async_connect", "address");
    uring_msghdr_name: optional ("io_async_msghdr", "msg.msg_name");
    uring_msghdr_namelen: optional ("io_async_msghdr", "msg.msg_namelen");
    uring_msghdr_addr: optional ("io_async_msghdr", "addr");
    uring_rename_old_dfd: optional ("io_rename", "old_dfd");
    uring_rename_new_dfd: optional ("io_rename", "new_dfd");
    uring_rename_old: optional ("io_rename", "oldpath");
    uring_rename_new: optional ("io_rename", "newpath");
    uring_rename_flags: optional ("io_rename", "flags");
    uring_unlink_dfd: optional ("io_unlink", "dfd");
    uring_unlink_filename: optional ("io_unlink", "filename");
    uring_unlink_flags: optional ("io_unlink", "flags");
    uring_mkdir_dfd: optional ("io_mkdir", "dfd");
    uring_mkdir_filename: optional ("io_mkdir", "filename");
    uring_mkdir_mode: optional ("io_mkdir", "mode");
    /// Of symbolic links too.
    uring_link_old_dfd: optional ("io_link", "old_dfd");
    uring_link_new_dfd: optional ("io_link", "new_dfd");
    uring_link_old: optional ("io_link", "oldpath");
    uring_link_new: optional ("io_link", "newpath");
    uring_link_flags: optional ("io_link", "flags");
    uring_shutdown_how: optional ("io_shutdown", "how");
    uring_accept_flags: optional ("io_accept", "flags");
    uring_accept_slot: optional ("io_accept", "file_slot");
    /// Since 6.0.
    uring_accept_more: optional ("io_accept", "iou_flags");
    /// Since 5.19.
    uring_socket_domain: optional ("io_socket", "domain");
    uring_socket_type: optional ("io_socket", "type");
    uring_socket_protocol: optional ("io_socket", "protocol");
    uring_socket_slot: optional ("io_socket", "file_slot");
    /// Since 6.11.
    uring_bind_len: optional ("io_bind", "addr_len");
    uring_listen_backlog: optional ("io_listen", "backlog");
    uring_message_buffer: optional ("io_sr_msg", "buf");
    uring_message_len: optional ("io_sr_msg", "len");
    uring_message_flags: optional ("io_sr_msg", "flags");
    /// Files that a ring keeps without descriptors, since 6.13.
    uring_ctx_files: optional ("io_ring_ctx", "file_table.data.nodes");
    uring_ctx_files_len: optional ("io_ring_ctx", "file_table.data.nr");
    uring_node_file: optional ("io_rsrc_node", "file_ptr");
}
