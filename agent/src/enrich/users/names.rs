//! The tables of `passwd(5)` and `group(5)`.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashMap;

use crate::event::User;

/// Longest name kept; `useradd(8)` allows 32 bytes.
const MAX_NAME: usize = 256;
/// What an entry takes beside its texts, roughly.
const ENTRY: usize = 64;

/// Accounts and groups by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    accounts: HashMap<u32, Account>,
    groups: HashMap<u32, Box<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Account {
    name: Box<str>,
    home: Box<str>,
    shell: Box<str>,
}

impl Names {
    /// Total: any bytes give the entries that can be read in them.
    pub fn parse(passwd: &[u8], group: &[u8]) -> Self {
        Self {
            accounts: table(passwd, account),
            groups: table(group, |fields| Some((*fields.first()?).into())),
        }
    }

    /// Account of a user.
    pub fn user(&self, uid: u32) -> Option<User<'_>> {
        self.accounts.get(&uid).map(|account| User {
            name: &account.name,
            home: &account.home,
            shell: &account.shell,
        })
    }

    /// Name of a group.
    pub fn group(&self, gid: u32) -> Option<&str> {
        self.groups.get(&gid).map(AsRef::as_ref)
    }

    /// A number of the content, by the hasher's key: the order of the tables' entries has no influence.
    pub(super) fn hash(&self, state: &RandomState) -> u64 {
        let accounts = self.accounts.iter().map(|(id, account)| {
            state.hash_one((0, id, &account.name, &account.home, &account.shell))
        });
        let groups = self.groups.iter().map(|group| state.hash_one((1, group)));
        accounts.chain(groups).fold(0, u64::wrapping_add)
    }

    /// Bytes of memory that they take, roughly.
    pub fn size(&self) -> usize {
        let accounts = self.accounts.values();
        let accounts = accounts.map(|a| ENTRY + a.name.len() + a.home.len() + a.shell.len());
        let groups = self.groups.values().map(|name| ENTRY + name.len());
        accounts.chain(groups).sum()
    }
}

/// Entries by their third field. As with `getpwuid(3)`, the first line of a number counts. Lines
/// that are no entries (comments, NIS `+` lines) are passed over.
fn table<T>(text: &[u8], entry: impl Fn(&[&str]) -> Option<T>) -> HashMap<u32, T> {
    let mut table = HashMap::new();
    for line in text.split(|&b| b == b'\n') {
        let Ok(line) = str::from_utf8(line) else {
            continue;
        };
        let fields: Vec<&str> = line.split(':').take(7).collect();
        let [name, _, id, ..] = fields.as_slice() else {
            continue;
        };
        let printable = !name.is_empty() && !line.chars().any(char::is_control);
        if let Ok(id) = id.parse()
            && printable
            && !name.starts_with(['+', '-', '#'])
            && name.len() <= MAX_NAME
            && let Some(value) = entry(&fields)
        {
            table.entry(id).or_insert(value);
        }
    }
    table
}

fn account(fields: &[&str]) -> Option<Account> {
    let field = |index: usize| fields.get(index).copied().unwrap_or_default().into();
    Some(Account {
        name: (*fields.first()?).into(),
        home: field(5),
        shell: field(6),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn total(text in prop::collection::vec(any::<u8>(), 0..400)) {
            let names = Names::parse(&text, &text);
            prop_assert!(names.size() <= text.len() * 2 * ENTRY);
        }
    }
}
