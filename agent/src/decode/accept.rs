//! Accepted connections.

use komainu_common::{Class, accept::Accept};

use super::{
    Body, DecodeError,
    sock::{self, Direction},
};
use crate::event::{Event, Role, Value};

pub(super) fn decode<'a>(body: &Body<'a>) -> Result<Event<'a>, DecodeError> {
    let (accept, items) = body.parts::<Accept>()?;
    let ret = body.header.ret;
    let mut event = body.event(body.event_type(Class::ACCEPT)?, Some(ret), &items);
    let mut socket = sock::facts(&accept.sock, &items);
    socket.role = Some(Role::Server);
    socket.connected = ret >= 0;
    let tuple = if ret >= 0 {
        sock::tuple(&socket, Direction::In)
    } else {
        Value::Absent
    };
    let (len, max) = (u64::from(accept.queue_len), u64::from(accept.queue_max));
    let percent = (len * 100).checked_div(max).unwrap_or(0).min(100);
    event.params.extend([
        Value::Int(ret),
        tuple,
        Value::Uint(percent),
        Value::Uint(len),
        Value::Uint(max),
    ]);
    if event.ty.name == "accept4" {
        event.params.push(Value::Int(accept.flags.into()));
    }
    let mut fd = sock::descriptor(ret.max(-1), &accept.sock, socket);
    if ret < 0 {
        // The facts are of the listener: which socket was to accept, not what it accepted.
        fd.kind = None;
        fd.socket = None;
    }
    event.fd = Some(fd);
    Ok(event)
}
