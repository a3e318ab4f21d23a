//! Writes the generated reference into a directory: what `cargo xtask gen` compares and copies.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context as _, Result};
use komainu::event::event_types;
use komainu::rules::diagnostics::{CODES, Severity};
use komainu::{config, emit, event, metrics};

fn main() -> Result<()> {
    let dir = PathBuf::from(env::args_os().nth(1).context("no directory given")?);
    let pages = [
        ("fields.md", event::fields::reference()),
        ("config.md", config::markdown()),
        ("events.md", events()?),
        ("metrics.md", metrics::markdown()),
        ("alerts.md", emit::alert_reference()),
        ("diagnostics.md", diagnostics()?),
    ];
    for (name, text) in pages {
        let path = dir.join(name);
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

/// Every event type that rules can name, those that are delivered first.
fn events() -> Result<String> {
    let mut page = String::from(
        "# Event types\n\nGenerated from the event table; do not edit.\n\n\
         A rule names them in `evt.type`, their parameters in `evt.arg.NAME`. The class is the unit \
         in which events are counted, filtered and lost. `procexit` is the end of a process, not of \
         each of its threads; `clone` and its kind are an event of the maker, with the id of what was \
         made, and one of that itself, with 0. What goes through an `io_uring` is the event of the system \
         call that does the same. `sessionend` is made by the agent itself, at the end of an exec session: \
         its process is the root of the session, and `reason` is `exited`, or `agent_stopped` for a session \
         that is still open when the agent ends.\n",
    );
    let table = |page: &mut String, title: &str, delivered: bool| -> Result<()> {
        write!(
            page,
            "\n## {title}\n\n| event type | class | parameters |\n| --- | --- | --- |\n"
        )?;
        for ty in event_types().filter(|ty| ty.is_delivered() == delivered) {
            let class = ty.class.map_or("", |class| class.name());
            let params: Vec<&str> = ty.params.iter().map(|param| param.name).collect();
            writeln!(page, "| `{}` | {class} | {} |", ty.name, params.join(", "))?;
        }
        Ok(())
    };
    table(&mut page, "Delivered", true)?;
    table(&mut page, "Known, not delivered yet", false)?;
    page.push_str(
        "\nRules may name every other Linux system call too; they load, and never match.\n",
    );
    Ok(page)
}

/// Every code of the rule loader.
fn diagnostics() -> Result<String> {
    let mut page = String::from(
        "# Diagnostics of rules\n\nGenerated from the table of codes; do not edit.\n\n\
         An error stops the load, and every error of every file is reported at once. A warning does \
         not.\n",
    );
    for code in CODES {
        let kind = match code.severity {
            Severity::Error => "Error",
            Severity::Warning => "Warning",
        };
        write!(
            page,
            "\n## {}: {}\n\n{}\n\n{kind}. Falco's name: `{}`.\n",
            code.id, code.title, code.page, code.falco
        )?;
    }
    Ok(page)
}
