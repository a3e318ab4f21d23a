//! The table of codes. A code never changes its meaning; its page is the text beside it.

/// Whether a diagnostic stops the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The rules are not loaded.
    Error,
    /// The rules are loaded.
    Warning,
}

/// A kind of diagnostic.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable name, such as `E0302`.
    pub id: &'static str,
    /// Whether it stops the load.
    pub severity: Severity,
    /// Name of the same in the reference implementation's results.
    pub falco: &'static str,
    /// What it is about, in a few words.
    pub title: &'static str,
    /// Its page: cause, example, remedy.
    pub page: &'static str,
}

macro_rules! codes {
    ($($severity:ident $id:ident $falco:literal $title:literal $page:literal;)*) => {
        $(#[doc = $title]
        pub(in crate::rules) static $id: Code = Code {
            id: stringify!($id),
            severity: Severity::$severity,
            falco: $falco,
            title: $title,
            page: $page,
        };)*

        /// Every code.
        pub static CODES: &[&Code] = &[$(&$id),*];
    };
}

codes! {
    Error E0001 "LOAD_ERR_FILE_READ" "file cannot be read"
        "The file does not exist, is a directory, or may not be read.";
    Error E0002 "LOAD_ERR_YAML_PARSE" "file is not UTF-8"
        "Rule files are UTF-8 text. The place shown is the first byte that is not. Convert the file, for example with iconv.";
    Error E0003 "LOAD_ERR_YAML_PARSE" "file is not YAML"
        "The text is not valid YAML. Frequent causes: a tab as indentation, a value with `: ` or ` #` inside and without quotes, a bracket that is not closed.";
    Error E0004 "LOAD_ERR_YAML_PARSE" "file exceeds a limit"
        "The file is larger, deeper or has more nodes than a rule file can sensibly have. Aliases count as what they expand to. Split the file, or generate fewer items.";
    Error E0101 "LOAD_ERR_YAML_VALIDATE" "wrong kind of YAML node"
        "A rule file is a sequence of mappings (`- rule: ...`), and every key expects a certain kind of value: text, a list, a mapping.";
    Error E0102 "LOAD_ERR_YAML_VALIDATE" "missing key"
        "A rule needs `condition`, `output`, `desc` and `priority`; a macro needs `condition`; a list needs `items`; an exception needs `name` and `fields`.";
    Error E0103 "LOAD_ERR_YAML_VALIDATE" "value cannot be used"
        "The value is empty, or not of the type that the key needs: true or false, a whole number, text.";
    Error E0104 "LOAD_ERR_YAML_VALIDATE" "unknown priority"
        "Priorities are Emergency, Alert, Critical, Error, Warning, Notice, Informational (or Info) and Debug, in any case.";
    Error E0105 "LOAD_ERR_YAML_VALIDATE" "version cannot be read"
        "A version is a number N (meaning 0.N.0) or text of the form X.Y.Z.";
    Error E0106 "LOAD_ERR_YAML_VALIDATE" "override does not fit"
        "Every key under `override` must be present in the item, every key that is changed must be listed there, and only some keys can be appended to. `append: true` and `override` exclude each other.";
    Error E0201 "LOAD_ERR_VALIDATE" "a newer engine is required"
        "`required_engine_version` asks for more than the language version that is implemented here.";
    Error E0202 "LOAD_ERR_VALIDATE" "plugin requirement cannot hold"
        "`required_plugin_versions` names the same plugin twice among its alternatives, or has an invalid version.";
    Error E0203 "LOAD_ERR_VALIDATE" "nothing there to change"
        "An item with `append`, `override` or only `enabled` changes one that was defined before, in this file or an earlier one. There is none by that name.";
    Error E0204 "LOAD_ERR_VALIDATE" "source of a rule changed"
        "A rule that is defined again must keep its `source`.";
    Error E0205 "LOAD_ERR_VALIDATE" "exception is malformed"
        "With a list of `fields`, `comps` has one operator for each and every entry of `values` is a list of the same length. With a single field, `comps` is in, pmatch, intersects or an operator with modifier, and `values` is a flat list.";
    Error E0206 "LOAD_ERR_VALIDATE" "unknown macro"
        "The name stands where a condition is expected, but no macro of that name can be seen. A macro sees only macros defined before its own last change; a rule sees all.";
    Error E0207 "LOAD_ERR_VALIDATE" "macros refer to each other in a circle"
        "Expanding the macro would never end. Break the circle.";
    Error E0301 "LOAD_ERR_COMPILE_CONDITION" "condition does not parse"
        "The text is not a condition. The place shown is where reading stopped.";
    Error E0302 "LOAD_ERR_COMPILE_CONDITION" "unknown field"
        "No field has this name. `komainu fields` lists all of them.";
    Error E0303 "LOAD_ERR_COMPILE_CONDITION" "operator does not fit the field"
        "Text takes = != in contains startswith and so on, numbers take = != < > and so on, addresses and true/false only = != in. `komainu fields NAME` shows the type.";
    Error E0304 "LOAD_ERR_COMPILE_CONDITION" "constant does not fit the field"
        "The constant cannot be a value of the field: a word for a number, a malformed address, something else than true or false.";
    Error E0305 "LOAD_ERR_COMPILE_CONDITION" "argument of a field does not fit"
        "Some fields need an argument in brackets or behind a dot, some take a number, most take none.";
    Error E0306 "LOAD_ERR_COMPILE_CONDITION" "transformer does not fit"
        "tolower, toupper and basename take text, b64 takes text or bytes, len takes text or a list; some fields take no transformer.";
    Error E0307 "LOAD_ERR_COMPILE_CONDITION" "right-hand field does not fit"
        "Both sides must have the same type, and some fields and operators take no field on the right.";
    Error E0308 "LOAD_ERR_COMPILE_CONDITION" "unknown event type"
        "`evt.type` is compared with a name that no event has, so the comparison could never hold. Event types are names of system calls.";
    Error E0309 "LOAD_ERR_COMPILE_CONDITION" "pattern cannot be used"
        "The regular expression is invalid, or larger than the limit when compiled.";
    Error E0310 "LOAD_ERR_COMPILE_CONDITION" "list item cannot be used"
        "A list item is put where the list is used, so it must read as one or more constants. Put quotes inside the quotes of YAML around special characters: '\"a)b\"'.";
    Error E0311 "LOAD_ERR_COMPILE_CONDITION" "list where one value is expected"
        "The word is the name of a list. Behind =, contains and so on a list with one item stands for that item; others do not fit. Use `in (LIST)`, or put the word in quotes to mean the word.";
    Error E0401 "LOAD_ERR_COMPILE_OUTPUT" "output does not parse"
        "The output names a field that does not exist, or ends in the middle of one.";
    Warning W0001 "LOAD_UNKNOWN_ITEM" "unknown item"
        "Items are rule, macro, list, required_engine_version and required_plugin_versions. The item is ignored.";
    Warning W0002 "LOAD_UNKNOWN_KEY" "unknown key"
        "The key has no meaning here and is ignored. It may be misspelt.";
    Warning W0003 "LOAD_UNKNOWN_SOURCE" "unknown source"
        "Only rules with source `syscall` can be evaluated here. The rule is skipped.";
    Warning W0004 "LOAD_DEPRECATED_ITEM" "deprecated"
        "This still works, but the language has a better way.";
    Warning W0005 "LOAD_NO_EVTTYPE" "rule matches too many event types"
        "The condition does not say which events it is about, so it is evaluated for every one. Add `evt.type in (...)`, or set `warn_evttypes: false`.";
    Warning W0006 "LOAD_UNKNOWN_FILTER" "rule skipped"
        "The rule uses something unknown and says `skip-if-unknown-filter: true`.";
    Warning W0007 "LOAD_UNUSED_MACRO" "unused macro"
        "No rule and no other macro uses it.";
    Warning W0008 "LOAD_UNUSED_LIST" "unused list"
        "No condition and no other list uses it.";
    Warning W0009 "LOAD_APPEND_NO_VALUES" "nothing to append"
        "An exception is appended to without values.";
    Warning W0010 "LOAD_EXCEPTION_NAME_NOT_UNIQUE" "exception defined twice"
        "Two exceptions of the item have the same name. Both apply.";
    Warning W0011 "LOAD_INVALID_MACRO_NAME" "macro name cannot be used in conditions"
        "Macro names are letters, digits and underscores, and begin with a letter.";
    Warning W0012 "LOAD_INVALID_LIST_NAME" "list name cannot be used in conditions"
        "List names contain no blank, quote, parenthesis, comma or equals sign.";
    Warning W0013 "LOAD_COMPILE_CONDITION" "probably not meant"
        "A constant looks like a field or a transformer (use `val(...)` to compare with a field), or a regular expression has no special character (use = instead).";
    Warning W0015 "LOAD_WARNING_EXTENSION" "key repeated"
        "The mapping has the key twice. The first one counts.";
    Warning W0101 "LOAD_WARNING_EXTENSION" "condition can never hold"
        "Two parts of a conjunction exclude each other, so this part of the condition never matches.";
    Warning W0102 "LOAD_WARNING_EXTENSION" "rule can never match"
        "No event type passes the condition.";
    Warning W0103 "LOAD_WARNING_EXTENSION" "exception has no effect"
        "The exception has no values. It can be appended to from another file; until then it does nothing.";
}

/// The page of a code: title and explanation.
pub fn explain(id: &str) -> Option<String> {
    let code = CODES.iter().find(|code| code.id.eq_ignore_ascii_case(id))?;
    Some(format!(
        "{}: {}\n\n{}\n\nFalco's name: {}\n",
        code.id, code.title, code.page, code.falco
    ))
}
