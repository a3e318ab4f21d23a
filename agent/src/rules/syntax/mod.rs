//! The condition language as text: syntax tree, parser, printer, quoting.

pub mod ast;
mod lex;
mod parse;
mod print;
mod quote;

pub use parse::{DEFAULT_DEPTH, ParseError, RULE_DEPTH, parse, parse_list_item, parse_operand};
pub use print::print;
pub use quote::{quote, unquote};
