//! Fields of the account: `user.*`, `group.*`.

use super::FieldType::{Int64, Text, Uint32};
use super::{Field, FieldValue, Scope};
use crate::event::User;

#[rustfmt::skip]
pub(super) static FIELDS: &[Field] = &[
    Field::one("user.uid", Uint32, |s, _| Some(FieldValue::Uint(s.event.task.euid.into())), "Effective user id."),
    Field::one("user.name", Text, |s, _| Some(user_name(s, s.event.task.euid)),
        "Name of the effective user in the passwd file the process sees; uid 0 is always root; else the text `<NA>`."),
    Field::one("user.homedir", Text, |s, _| Some(account(s, |user| user.home)), "Home directory of the user; `<NA>` if unknown."),
    Field::one("user.shell", Text, |s, _| Some(account(s, |user| user.shell)), "Login shell of the user; `<NA>` if unknown."),
    Field::one("user.loginuid", Int64, |s, _| Some(login_id(s)), "Audit user id: who logged in; -1 if unset."),
    Field::one("user.loginname", Text, |s, _| Some(user_name(s, s.event.task.loginuid)), "Name of `user.loginuid`."),
    Field::one("group.gid", Uint32, |s, _| Some(FieldValue::Uint(s.event.task.egid.into())), "Effective group id."),
    Field::one("group.name", Text, |s, _| Some(group_name(s)), "Name of the effective group; gid 0 is always root; else the text `<NA>`."),
];

/// What fields print for an unknown account: a real value, not absence.
const UNKNOWN: &str = "<NA>";

fn user<'a>(scope: &Scope<'a>, uid: u32) -> Option<User<'a>> {
    scope.world.user(scope.event.cgroup, uid)
}

pub(super) fn user_name<'a>(scope: &Scope<'a>, uid: u32) -> FieldValue<'a> {
    let fallback = if uid == 0 { "root" } else { UNKNOWN };
    FieldValue::text(user(scope, uid).map_or(fallback, |user| user.name))
}

fn account<'a>(scope: &Scope<'a>, read: fn(User<'a>) -> &'a str) -> FieldValue<'a> {
    let uid = scope.event.task.euid;
    FieldValue::text(user(scope, uid).map_or(UNKNOWN, read))
}

fn login_id<'a>(scope: &Scope<'a>) -> FieldValue<'a> {
    match scope.event.task.loginuid {
        u32::MAX => FieldValue::Int(-1),
        id => FieldValue::Int(id.into()),
    }
}

fn group_name<'a>(scope: &Scope<'a>) -> FieldValue<'a> {
    let gid = scope.event.task.egid;
    let fallback = if gid == 0 { "root" } else { UNKNOWN };
    FieldValue::text(
        scope
            .world
            .group_name(scope.event.cgroup, gid)
            .unwrap_or(fallback),
    )
}
