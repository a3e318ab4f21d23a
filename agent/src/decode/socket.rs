//! New sockets.

use komainu_common::{Class, socket::Socket};

use super::{Body, DecodeError, sock};
use crate::event::{Event, Value, flags::socket_flags};

/// `SOCK_TYPE_MASK` (`include/linux/net.h`): the type without flags.
const TYPE: u32 = 0xf;

pub(super) fn decode<'a>(body: &Body<'a>) -> Result<Event<'a>, DecodeError> {
    let (made, items) = body.parts::<Socket>()?;
    let ret = body.header.ret;
    let mut event = body.event(body.event_type(Class::SOCKET)?, Some(ret), &items);
    let domain = Value::Uint(made.domain.into());
    let kind = Value::Uint((made.kind & TYPE).into());
    let protocol = Value::Uint(made.protocol.into());
    if event.ty.name == "socketpair" {
        let (first, second) = (Value::Int(made.fd.into()), Value::Int(made.second.into()));
        // Of the reference implementation these are kernel addresses, which nobody should see.
        let (source, peer) = (Value::Absent, Value::Absent);
        event.params.extend([
            Value::Int(ret),
            first,
            second,
            source,
            peer,
            domain,
            kind,
            protocol,
        ]);
    } else {
        let flags = Value::Uint(socket_flags(made.kind & !TYPE));
        event
            .params
            .extend([Value::Int(ret), domain, kind, protocol, flags]);
    }
    let socket = sock::unnamed(sock::facts(&made.sock, &items));
    event.fd = Some(sock::descriptor(made.fd.into(), &made.sock, socket));
    Ok(event)
}
