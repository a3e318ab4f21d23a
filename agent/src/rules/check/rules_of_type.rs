//! Which operators fit which types.

use crate::event::fields::FieldType;
use crate::rules::syntax::ast::Op;

/// Whether the operator works on values of the type; otherwise what the values are called.
pub(in crate::rules) fn operator_fits(
    ty: FieldType,
    is_list: bool,
    op: Op,
) -> Result<(), &'static str> {
    if matches!(op, Op::Exists) {
        return Ok(());
    }
    let set = op.is_equal() || matches!(op, Op::Ne | Op::In | Op::Intersects);
    let (fits, name) = match ty {
        _ if is_list => (matches!(op, Op::In | Op::Intersects), "list"),
        FieldType::Ip | FieldType::Net => (set, "ip address and network"),
        FieldType::Bool => (set, "true/false"),
        FieldType::Bytes => {
            let part = matches!(
                op,
                Op::Contains | Op::Startswith | Op::Endswith | Op::Bcontains | Op::Bstartswith
            );
            (set || part, "buffer")
        }
        _ if ty.is_text() => (!matches!(op, Op::Bcontains | Op::Bstartswith), "string"),
        _ => (set || op.is_order(), "numeric"),
    };
    if fits { Ok(()) } else { Err(name) }
}
