//! Sent data.

use komainu_common::{Class, item::tag, send::Send};

use super::{
    Body, DecodeError,
    sock::{self, Asked, Direction},
};
use crate::event::{Event, Value};

pub(super) fn decode<'a>(body: &Body<'a>) -> Result<Event<'a>, DecodeError> {
    let (send, items) = body.parts::<Send>()?;
    let ret = body.header.ret;
    let socket = sock::transferring(&send.sock, &items, Asked::of(&items), ret);
    let mut event = body.event(body.event_type(Class::SEND)?, Some(ret), &items);
    let res = Value::Int(ret);
    let data = items.bytes(tag::DATA).map_or(Value::Absent, Value::Bytes);
    let fd = Value::Int(send.fd.into());
    // Of many parts the size counts the first only.
    let size = Value::Uint(send.size.max(u64::try_from(ret).unwrap_or(0)));
    let tuple = sock::tuple(&socket, Direction::Out);
    event.params.extend(match event.ty.name {
        "sendmmsg" => [res, fd, size, data, tuple],
        _ => [res, data, fd, size, tuple],
    });
    event.fd = Some(sock::descriptor(
        send.fd.into(),
        &send.sock,
        sock::unnamed(socket),
    ));
    Ok(event)
}
