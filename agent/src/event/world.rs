//! What the user half knows besides the event.

use std::net::IpAddr;

use super::{Membership, ProcKey, Process, Session};

/// Processes, containers and names, as the enrichment stage knows them.
///
/// Every lookup is O(1) and never waits. Methods with a default may be left out by a world that
/// does not know such facts.
pub trait World {
    /// The process with this identity, if it is (or lately was) in the table.
    fn process(&self, key: ProcKey) -> Option<&Process>;

    /// Where the processes of this cgroup run.
    fn container(&self, cgroup: u64) -> Membership<'_> {
        let _ = cgroup;
        Membership::Unknown
    }

    /// The exec session that the process is in, or was in when it ended.
    fn session(&self, key: ProcKey) -> Option<&Session> {
        let _ = key;
        None
    }

    /// Account of this user id in the passwd file that processes of the cgroup see.
    fn user(&self, cgroup: u64, uid: u32) -> Option<User<'_>> {
        let _ = (cgroup, uid);
        None
    }

    /// Name of this group id in the group file that processes of the cgroup see.
    fn group_name(&self, cgroup: u64, gid: u32) -> Option<&str> {
        let _ = (cgroup, gid);
        None
    }

    /// Whether the address belongs to this machine, or to the container of the cgroup.
    fn is_local_address(&self, cgroup: u64, address: IpAddr) -> bool {
        let _ = cgroup;
        address.is_loopback()
    }

    /// Whether `name` resolved to the address when it was last looked up.
    fn name_has_address(&self, name: &str, address: IpAddr) -> bool {
        let _ = (name, address);
        false
    }

    /// A name that lately resolved to the address.
    fn address_name(&self, address: IpAddr) -> Option<&str> {
        let _ = address;
        None
    }

    /// Name of this machine.
    #[expect(
        clippy::unnecessary_literal_bound,
        reason = "the name belongs to the world; only the default is a literal"
    )]
    fn hostname(&self) -> &str {
        ""
    }

    /// Name of this node of the cluster; empty where it is not known.
    #[expect(
        clippy::unnecessary_literal_bound,
        reason = "the name belongs to the world; only the default is a literal"
    )]
    fn node(&self) -> &str {
        ""
    }
}

/// An account of a passwd file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User<'a> {
    /// Login name.
    pub name: &'a str,
    /// Home directory.
    pub home: &'a str,
    /// Login shell.
    pub shell: &'a str,
}
