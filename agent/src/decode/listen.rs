//! Sockets that got an address or listen.

use komainu_common::{Class, listen::Listen};

use super::{
    Body, DecodeError,
    sock::{self, Asked},
};
use crate::event::{Event, Role, Value};

pub(super) fn decode<'a>(body: &Body<'a>) -> Result<Event<'a>, DecodeError> {
    let (listen, items) = body.parts::<Listen>()?;
    let ret = body.header.ret;
    let fd = i64::from(listen.fd);
    let mut event = body.event(body.event_type(Class::LISTEN)?, Some(ret), &items);
    let mut socket = sock::unnamed(sock::facts(&listen.sock, &items));
    if socket.local.is_some() {
        socket.role = Some(Role::Server);
    }
    if event.ty.name == "bind" {
        let asked = Asked::of(&items);
        event
            .params
            .extend([Value::Int(ret), Asked::value(asked), Value::Int(fd)]);
    } else {
        let backlog = Value::Int(listen.backlog.into());
        event
            .params
            .extend([Value::Int(ret), Value::Int(fd), backlog]);
    }
    event.fd = Some(sock::descriptor(fd, &listen.sock, socket));
    Ok(event)
}
