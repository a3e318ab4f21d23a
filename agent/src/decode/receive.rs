//! Received data.

use komainu_common::{Class, item::tag, receive::Receive};

use super::{
    Body, DecodeError,
    sock::{self, Asked, Direction},
};
use crate::event::{Event, Value};

pub(super) fn decode<'a>(body: &Body<'a>) -> Result<Event<'a>, DecodeError> {
    let (receive, items) = body.parts::<Receive>()?;
    let ret = body.header.ret;
    let socket = sock::transferring(&receive.sock, &items, Asked::of(&items), ret);
    let mut event = body.event(body.event_type(Class::RECEIVE)?, Some(ret), &items);
    let bytes = |tag| items.bytes(tag).map_or(Value::Absent, Value::Bytes);
    let res = Value::Int(ret);
    let (data, control) = (bytes(tag::DATA), bytes(tag::CONTROL));
    let fd = Value::Int(receive.fd.into());
    // Of many parts the size counts the first only.
    let size = Value::Uint(receive.size.max(u64::try_from(ret).unwrap_or(0)));
    let tuple = sock::tuple(&socket, Direction::In);
    match event.ty.name {
        "recvmsg" => event.params.extend([res, size, data, tuple, control, fd]),
        "recvmmsg" => event.params.extend([res, fd, size, data, tuple, control]),
        _ => event.params.extend([res, data, tuple, fd, size]),
    }
    event.fd = Some(sock::descriptor(
        receive.fd.into(),
        &receive.sock,
        sock::unnamed(socket),
    ));
    Ok(event)
}
