//! Comparisons become typed tests.

use super::constants::{at_value, test};
use super::operand::{self, Typed, plain_field};
use super::{Context, Place};
use crate::event::fields::FieldType;
use crate::event::is_known_name;
use crate::rules::check::operator_fits;
use crate::rules::diagnostics::{Diagnostic, E0303, E0307, E0308, E0311, W0004, W0013};
use crate::rules::eval::{Against, NodeId, Predicate, Test};
use crate::rules::syntax::ast::{Check, Op, Operand, Right, Value};

pub(super) type Compiled<T> = Result<T, Box<Diagnostic>>;

impl Context<'_> {
    /// Compiles a comparison to a node of the graph.
    pub(super) fn check(&mut self, check: &Check, place: Place<'_>) -> Compiled<NodeId> {
        let left = operand::operand(&check.left, place)?;
        check_event_type_use(check, &left, place)?;
        if let Err(kind) = operator_fits(left.ty, left.is_list, check.op) {
            return Err(Box::new(misfit(check, &left, kind, place)));
        }
        self.warn_field(check, &left, place);
        let test = match &check.right {
            Right::None => Test::Exists,
            Right::Field(field) => {
                let resolved = operand::field(field, place)?;
                let get = crate::rules::eval::Get::Field(resolved.field, resolved.arg);
                let is_list = resolved.field.is_list();
                against(
                    check,
                    &left,
                    Typed {
                        get,
                        ty: resolved.ty,
                        is_list,
                    },
                    place,
                )?
            }
            Right::Transform(transform) => {
                let right = operand::transform(transform, place)?;
                against(check, &left, right, place)?
            }
            Right::Value(value) => {
                let values = self.single(check, value, place)?;
                self.constants(check, &left, &values, place)?
            }
            Right::List(values, _) => {
                let values = self.expanded(values);
                self.constants(check, &left, &values, place)?
            }
        };
        Ok(self.finish(check, left, test))
    }

    /// A node for the test; equal comparisons share one.
    fn finish(&mut self, check: &Check, left: Typed, test: Test) -> NodeId {
        let all = check.op == Op::Ne;
        let whole_list = check.op == Op::In;
        let host = host_names(&left, &test);
        let key = format!(
            "{}\u{0}{}\u{0}{all}{whole_list}",
            left.get_key(),
            test.key()
        );
        let predicate = Predicate {
            get: left.get,
            test,
            all,
            whole_list,
            host,
        };
        self.graph.add_predicate(key, predicate)
    }

    /// The constants of a list: names of lists are replaced by their items.
    pub(super) fn expanded(&mut self, values: &[Value]) -> Vec<Value> {
        let mut out = Vec::with_capacity(values.len());
        for value in values {
            let list = value.bare().and_then(|name| self.lists.get(name));
            match list {
                None => out.push(value.clone()),
                Some(items) => {
                    out.extend(items.iter().map(|item| Value {
                        at: value.at.clone(),
                        ..item.clone()
                    }));
                }
            }
        }
        out
    }

    /// The constant where one is expected. A list with one item stands for the item.
    fn single(&mut self, check: &Check, value: &Value, place: Place<'_>) -> Compiled<Vec<Value>> {
        let Some(items) = value.bare().and_then(|name| self.lists.get(name)) else {
            return Ok(vec![value.clone()]);
        };
        if let [item] = &*items {
            return Ok(vec![Value {
                at: value.at.clone(),
                ..item.clone()
            }]);
        }
        let name = value.lossy();
        let message = format!(
            "list `{name}` has {} items where one value is expected",
            items.len()
        );
        let mut diagnostic = place.error(&E0311, message, &value.at);
        if let Some(list) = self.lists.def(&name) {
            diagnostic = diagnostic.note(list.at, "the list");
        }
        let op = check.op.text();
        Err(Box::new(diagnostic.help(format!(
            "use `in ({name})`, or `{op} \"{name}\"` to mean the word"
        ))))
    }

    /// The test against constants.
    fn constants(
        &mut self,
        check: &Check,
        left: &Typed,
        values: &[Value],
        place: Place<'_>,
    ) -> Compiled<Test> {
        Self::check_event_names(left, values, place)?;
        self.warn_constants(check, left, values, place);
        if let Some(modifier) = check.modifier {
            let one = |value: &Value| test(check.op, left.ty, std::slice::from_ref(value), place);
            let tests = values.iter().map(one).collect::<Compiled<Vec<_>>>()?;
            return Ok(Test::Modified(modifier, tests));
        }
        test(check.op, left.ty, values, place)
    }

    /// Names that `evt.type` is compared with must exist.
    fn check_event_names(left: &Typed, values: &[Value], place: Place<'_>) -> Compiled<()> {
        let is_type = plain_field(&left.get)
            .is_some_and(|(field, _)| matches!(field.name, "evt.type" | "syscall.type"));
        if !is_type {
            return Ok(());
        }
        for value in values {
            let name = value.lossy();
            if !is_known_name(&name) {
                let message = format!("unknown event type {name}");
                let diagnostic = at_value(value, place, &E0308, message);
                let known = crate::event::KNOWN_NAMES.iter().copied();
                return Err(Box::new(diagnostic.did_you_mean(&name, known)));
            }
        }
        Ok(())
    }

    fn warn_field(&mut self, check: &Check, left: &Typed, place: Place<'_>) {
        let mut deprecated = Vec::new();
        left.get.fields(&mut |field, _| {
            if field.traits.deprecated && field.name.starts_with("evt.") {
                deprecated.push(field.name);
            }
        });
        for name in deprecated {
            let message = if name == "evt.dir" {
                "due to the drop of enter events, 'evt.dir = <' always evaluates to true, and 'evt.dir \
                 = >' always evaluates to false. The rule expression can be simplified by removing the \
                 condition on 'evt.dir'"
                    .to_owned()
            } else {
                format!(
                    "usage of deprecated field '{name}' has been detected in the rule condition"
                )
            };
            let diagnostic = place.error(&W0004, message, &check.at);
            self.diagnostics.push(diagnostic);
        }
    }

    fn warn_constants(&mut self, check: &Check, left: &Typed, values: &[Value], place: Place<'_>) {
        for value in values {
            let Some(text) = std::str::from_utf8(&value.bytes).ok() else {
                continue;
            };
            if check.op == Op::Regex && !text.contains(['[', ']', '(', ')', '{', '}', '|', '\\']) {
                let message = format!(
                    "regex check with '{text}' may be optimized with simpler operators such as '=', \
                     'contains', 'startswith', 'endswith'"
                );
                self.diagnostics
                    .push(place.error(&W0013, message, &value.at));
            }
            if left.ty.is_text()
                && let Some(what) = looks_like(text)
            {
                let message =
                    format!("'{text}' may be a valid {what} misused as a const string value");
                let diagnostic = place.error(&W0013, message, &value.at);
                let meant = text.trim();
                let meant = if what == "field" {
                    format!("val({meant})")
                } else {
                    meant.to_owned()
                };
                self.diagnostics
                    .push(diagnostic.help(format!("to compare with its value: `{meant}`")));
            }
        }
    }
}

/// What a constant could have been meant as.
fn looks_like(text: &str) -> Option<&'static str> {
    let text = text.trim();
    let (operand, len) = crate::rules::syntax::parse_operand(text).ok()?;
    if len != text.len() {
        return None;
    }
    match operand {
        Operand::Field(reference) => {
            crate::rules::check::resolve_field(&reference.name).map(|_| "field")
        }
        Operand::Transform(_) => Some("field transformer"),
        _ => None,
    }
}

impl Typed {
    /// What makes two operands the same.
    fn get_key(&self) -> String {
        let mut key = String::new();
        self.get.key(&mut key);
        key
    }
}

/// The event type may only be compared with names: what a rule is about must be known beforehand.
fn check_event_type_use(check: &Check, left: &Typed, place: Place<'_>) -> Compiled<()> {
    let names_type = |name: &str| name == "evt.type";
    let transformed = matches!(check.left, Operand::Transform(_));
    let mut uses = false;
    left.get
        .fields(&mut |field, _| uses |= names_type(field.name));
    let against_field = matches!(check.right, Right::Field(_) | Right::Transform(_));
    if uses && (transformed || against_field) && check.op != Op::Exists {
        let message = if transformed {
            "'evt.type' cannot be used inside a transformer"
        } else {
            "'evt.type' cannot be compared with a field"
        };
        return Err(Box::new(place.error(&E0307, message, &check.at)));
    }
    Ok(())
}

fn misfit(check: &Check, left: &Typed, kind: &str, place: Place<'_>) -> Diagnostic {
    let op = check.op.text();
    let message = match (check.modifier, left.is_list) {
        (Some(_), false) => {
            format!("filter error: '{op}' with modifier not supported for {kind} filters")
        }
        _ => format!("filter error: '{op}' operator not supported for {kind} filters"),
    };
    let diagnostic = place.error(&E0303, message, &check.op_at);
    match plain_field(&left.get) {
        Some((field, _)) => {
            diagnostic.label(format!("`{}` is of type {}", field.name, left.ty.name()))
        }
        None => diagnostic,
    }
}

/// The test against another field or transformer.
fn against(check: &Check, left: &Typed, right: Typed, place: Place<'_>) -> Compiled<Test> {
    let refuse = |message: String| Err(Box::new(place.error(&E0307, message, &check.at)));
    if check.op == Op::Regex {
        return refuse("operator 'REGEX' doesn't support right-hand side fields".to_owned());
    }
    let left_name = plain_field(&left.get).map_or("...", |(field, _)| field.name);
    if let Some((field, _)) = plain_field(&left.get)
        && (field.traits.no_rhs || left.ty == FieldType::Net)
    {
        return refuse(format!(
            "field '{left_name}' doesn't support right-hand side fields"
        ));
    }
    let right_name = plain_field(&right.get).map_or("...", |(field, _)| field.name);
    if let Some((field, _)) = plain_field(&right.get)
        && (field.traits.no_rhs || field.traits.filter_only)
    {
        return refuse(format!(
            "field '{right_name}' can't be used as a right-hand side field"
        ));
    }
    if left.ty != right.ty {
        return refuse(format!(
            "field '{left_name}' has type '{}' while the right-hand side field '{right_name}' has \
             incompatible type '{}'",
            left.ty.name(),
            right.ty.name(),
        ));
    }
    let test = Test::Against(Box::new(Against {
        right: right.get,
        op: check.op,
    }));
    Ok(if check.op == Op::Ne {
        Test::Not(Box::new(test))
    } else {
        test
    })
}

/// Names to look up, where an address's name is compared with constants.
fn host_names(
    left: &Typed,
    test: &Test,
) -> Option<(&'static crate::event::fields::Field, Vec<Box<str>>, bool)> {
    let (field, _) = plain_field(&left.get)?;
    let address = crate::event::fields::find(
        field
            .name
            .strip_suffix("ip.name")
            .map(|_| field.name.strip_suffix(".name").unwrap_or(field.name))?,
    )?;
    let (test, negated) = match test {
        Test::Not(inner) => (&**inner, true),
        other => (other, false),
    };
    let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned().into_boxed_str();
    let names = match test {
        Test::Equal(bytes) => vec![name(bytes)],
        Test::In(set) => set.iter().map(name).collect(),
        _ => return None,
    };
    Some((address, names, negated))
}
