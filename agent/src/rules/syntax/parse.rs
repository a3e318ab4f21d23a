//! Parser of conditions: recursive descent over the grammar of the language.
//!
//! ```text
//! Or    = And { "or" And }            And = Not { "and" Not }       Not = { "not" } Check
//! Check = "(" Or ")" | Operand Op Right | MacroName
//! ```
//!
//! `and`, `or`, `not` need a blank or a parenthesis behind them. Depth is limited, so that the parser
//! cannot exhaust the stack.

use super::ast::{Check, Expr, FieldRef, Modifier, Name, Op, Operand, Right, Value};
use super::lex::Cursor;

/// Depth limit of the reference parser where nothing else is said.
pub const DEFAULT_DEPTH: u32 = 100;
/// Depth limit of rule and macro conditions; each pair of parentheses takes five levels.
pub const RULE_DEPTH: u32 = 1000;

/// Why a condition does not parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub message: String,
    /// Where: a byte offset into the text.
    pub at: usize,
}

mod value;

type Parsed<T> = Result<T, ParseError>;

/// Parses a condition.
pub fn parse(text: &str, max_depth: u32) -> Parsed<Expr> {
    let mut parser = Parser {
        cursor: Cursor::new(text),
        depth: 0,
        max_depth,
    };
    if text.is_empty() {
        return parser.fail("filter input string is empty");
    }
    let expr = parser.or()?;
    parser.finish()?;
    Ok(expr)
}

/// Parses a list item, which may hold several constants separated by commas.
pub fn parse_list_item(text: &str) -> Parsed<Vec<Value>> {
    let mut parser = Parser {
        cursor: Cursor::new(text),
        depth: 0,
        max_depth: DEFAULT_DEPTH,
    };
    let mut values = Vec::new();
    loop {
        parser.cursor.blank();
        values.push(parser.string()?);
        parser.cursor.blank();
        if parser.cursor.literal(",").is_none() {
            break;
        }
    }
    parser.finish()?;
    Ok(values)
}

/// Parses a field or transformer at the beginning of `text`; returns it with its length.
pub fn parse_operand(text: &str) -> Parsed<(Operand, usize)> {
    let mut parser = Parser {
        cursor: Cursor::new(text),
        depth: 0,
        max_depth: DEFAULT_DEPTH,
    };
    match parser.operand()? {
        Some(operand) => Ok((operand, parser.cursor.at)),
        None => parser.fail("expected a field or a transformer"),
    }
}

struct Parser<'t> {
    cursor: Cursor<'t>,
    depth: u32,
    max_depth: u32,
}

impl Parser<'_> {
    fn fail<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(ParseError {
            message: message.into(),
            at: self.cursor.at,
        })
    }

    /// Everything must have been read.
    fn finish(&self) -> Parsed<()> {
        if self.cursor.is_done() {
            return Ok(());
        }
        let last = self.cursor.slice(&self.cursor.last);
        let last = last.trim_matches(|mark| matches!(mark, '"' | '\''));
        self.fail(format!(
            "unexpected token after '{last}', expecting 'or', 'and'"
        ))
    }

    /// Runs `parse` one level deeper.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth >= self.max_depth {
            return self.fail(format!("exceeded max depth limit of {}", self.max_depth));
        }
        let result = parse(self);
        self.depth -= 1;
        result
    }

    fn or(&mut self) -> Parsed<Expr> {
        self.deeper(|parser| parser.chain("or", Self::and, Expr::Or))
    }

    fn and(&mut self) -> Parsed<Expr> {
        self.deeper(|parser| parser.chain("and", Self::not, Expr::And))
    }

    /// `part { word part }`; behind the word a blank or a parenthesis.
    fn chain(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Parsed<Expr>,
        make: fn(Vec<Expr>) -> Expr,
    ) -> Parsed<Expr> {
        self.cursor.blank();
        let first = part(self)?;
        let mut rest = Vec::new();
        self.cursor.blank();
        while self.cursor.literal(word).is_some() {
            let next = if self.cursor.blank() {
                part(self)?
            } else if self.cursor.literal("(").is_some() {
                self.embedded()?
            } else {
                return self.fail(format!("expected blank or '(' after '{word}'"));
            };
            rest.push(next);
            self.cursor.blank();
        }
        if rest.is_empty() {
            return Ok(first);
        }
        rest.insert(0, first);
        Ok(make(rest))
    }

    fn not(&mut self) -> Parsed<Expr> {
        self.deeper(|parser| {
            parser.cursor.blank();
            let mut negated = false;
            while parser.cursor.word_and_blank("not").is_some() {
                parser.cursor.blank();
                negated = !negated;
            }
            let inner = if parser.cursor.literal("not(").is_some() {
                negated = !negated;
                parser.embedded()?
            } else {
                parser.check()?
            };
            Ok(if negated {
                Expr::Not(Box::new(inner))
            } else {
                inner
            })
        })
    }

    /// The rest of an expression in parentheses, behind the opening one.
    fn embedded(&mut self) -> Parsed<Expr> {
        self.deeper(|parser| {
            parser.cursor.blank();
            let inner = parser.or()?;
            parser.cursor.blank();
            parser.closing("expected a ')' token")?;
            Ok(inner)
        })
    }

    fn closing(&mut self, message: &str) -> Parsed<()> {
        match self.cursor.literal(")") {
            Some(_) => Ok(()),
            None => self.fail(message),
        }
    }

    fn check(&mut self) -> Parsed<Expr> {
        self.deeper(|parser| {
            parser.cursor.blank();
            if parser.cursor.literal("(").is_some() {
                return parser.embedded();
            }
            let start = parser.cursor.at;
            if let Some(left) = parser.operand()? {
                return parser.comparison(left, start);
            }
            match parser.cursor.identifier() {
                Some(at) => {
                    let name = parser.cursor.slice(&at).to_owned();
                    Ok(Expr::Macro(Name { name, at }))
                }
                None => parser.fail("expected a '(' token, a field check, or an identifier"),
            }
        })
    }

    /// A transformer or a field, if one is next.
    fn operand(&mut self) -> Parsed<Option<Operand>> {
        if let Some(transform) = self.transform()? {
            return Ok(Some(Operand::Transform(transform)));
        }
        Ok(self.field()?.map(Operand::Field))
    }

    fn field(&mut self) -> Parsed<Option<FieldRef>> {
        let Some(at) = self.cursor.field_name() else {
            return Ok(None);
        };
        let name = self.cursor.slice(&at).to_owned();
        let arg = self.index()?;
        Ok(Some(FieldRef {
            name,
            arg,
            at: at.start..self.cursor.at,
        }))
    }

    /// An argument in brackets, if one follows.
    fn index(&mut self) -> Parsed<Option<String>> {
        if self.cursor.literal("[").is_none() {
            return Ok(None);
        }
        let arg = match self.quoted()? {
            Some(value) => value.lossy().into_owned(),
            None => match self.cursor.bare_argument() {
                Some(at) => self.cursor.slice(&at).to_owned(),
                None => {
                    return self
                        .fail("expected a valid field argument: a quoted string or a bare string");
                }
            },
        };
        match self.cursor.literal("]") {
            Some(_) => Ok(Some(arg)),
            None => self.fail("expected a ']' token"),
        }
    }

    fn comparison(&mut self, left: Operand, start: usize) -> Parsed<Expr> {
        self.cursor.blank();
        let op_start = self.cursor.at;
        let op = self.operator()?;
        let mut op_at = op_start..op_start + op.text().len();
        let modifier = if op.is_string() {
            self.modifier()
        } else {
            None
        };
        if modifier.is_some() {
            op_at.end = self.cursor.last.end;
        }
        let right = match (op, modifier) {
            (Op::Exists, _) => Right::None,
            (_, Some(_)) => self.modified()?,
            (op, None) if op.is_order() => self.ordered()?,
            (op, None) if op.is_list() => self.listed()?,
            _ => self.single()?,
        };
        let at = start..self.cursor.at;
        let check = Check {
            left,
            op,
            modifier,
            op_at,
            right,
            at,
        };
        Ok(Expr::Check(Box::new(check)))
    }

    /// Word operators that take a string need a blank behind them, the others do not.
    fn operator(&mut self) -> Parsed<Op> {
        for op in Op::ALL.iter().copied() {
            let word = op.text();
            let needs_blank = op.is_string() && word.starts_with(|c: char| c.is_ascii_alphabetic());
            let found = if needs_blank {
                self.cursor.word_and_blank(word)
            } else {
                self.cursor.literal(word)
            };
            if found.is_some() {
                return Ok(op);
            }
        }
        let names: Vec<_> = Op::ALL
            .iter()
            .map(|op| format!("'{}'", op.text()))
            .collect();
        self.fail(format!(
            "expected a valid check operator: one of {}",
            names.join(", ")
        ))
    }

    /// A modifier, if one is next: it needs a blank before and behind it, and then a list or a name.
    fn modifier(&mut self) -> Option<Modifier> {
        let (start, last) = (self.cursor.at, self.cursor.last.clone());
        let before = self.cursor.blank() || self.cursor.at > last.end;
        let found = Modifier::ALL
            .iter()
            .copied()
            .find(|modifier| before && self.cursor.word_and_blank(modifier.text()).is_some());
        if found.is_some() {
            let word = self.cursor.last.clone();
            self.cursor.blank();
            let name = self.cursor.peek_identifier();
            let opens = self.cursor.rest().first() == Some(&b'(');
            if opens || !matches!(name, "" | "and" | "or") {
                self.cursor.last = word;
                return found;
            }
        }
        (self.cursor.at, self.cursor.last) = (start, last);
        None
    }

    fn ordered(&mut self) -> Parsed<Right> {
        self.cursor.blank();
        if let Some(right) = self.right_field()? {
            return Ok(right);
        }
        match self.cursor.number() {
            Some(at) => Ok(Right::Value(self.bare(at))),
            None => self.fail(format!("expected a number value or {TRANSFORMED}")),
        }
    }

    fn single(&mut self) -> Parsed<Right> {
        self.cursor.blank();
        if let Some(right) = self.right_field()? {
            return Ok(right);
        }
        match self.any_string()? {
            Some(value) => Ok(Right::Value(value)),
            None => self.fail(format!("expected a string value or {TRANSFORMED}")),
        }
    }

    fn listed(&mut self) -> Parsed<Right> {
        self.cursor.blank();
        if self.cursor.rest().first() == Some(&b'(') {
            return self.list();
        }
        if let Some(right) = self.right_field()? {
            return Ok(right);
        }
        match self.cursor.identifier() {
            Some(at) => Ok(Right::Value(self.bare(at))),
            None => self.fail(format!("expected a list, an identifier, or {TRANSFORMED}")),
        }
    }

    /// What stands behind a modifier.
    fn modified(&mut self) -> Parsed<Right> {
        self.listed()
    }
}

/// Tail of the messages about what may stand on the right.
const TRANSFORMED: &str = "a field with a valid transformer: 'val', 'tolower', 'toupper', 'b64', \
                           'basename', 'len', 'join', 'concat', 'getopt'";
