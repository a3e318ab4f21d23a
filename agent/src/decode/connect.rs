//! Connected sockets.

use komainu_common::{Class, connect::Connect};

use super::{
    Body, DecodeError,
    sock::{self, Asked, Direction},
};
use crate::event::{Event, Value};

const EINPROGRESS: i64 = 115;

pub(super) fn decode<'a>(body: &Body<'a>) -> Result<Event<'a>, DecodeError> {
    let (connect, items) = body.parts::<Connect>()?;
    let ret = body.header.ret;
    let asked = Asked::of(&items);
    let mut socket = sock::connecting(&connect.sock, &items, asked);
    socket.connected = ret == 0 || ret == -EINPROGRESS;
    let mut event = body.event(body.event_type(Class::CONNECT)?, Some(ret), &items);
    event.params.extend([
        Value::Int(ret),
        sock::tuple(&socket, Direction::Out),
        Value::Int(i64::from(connect.fd)),
        Asked::value(asked),
    ]);
    event.fd = Some(sock::descriptor(
        i64::from(connect.fd),
        &connect.sock,
        socket,
    ));
    Ok(event)
}
