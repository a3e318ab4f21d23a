//! Rule files: verdict, first error's code, compiled conditions.

use std::path::Path;

use komainu::rules::{LoadOptions, Source, load};

use crate::report::Report;

pub fn run(folder: &Path, report: &mut Report) {
    upstream(folder, report);
}

/// The upstream rule file loads with no error and no warning.
fn upstream(folder: &Path, report: &mut Report) {
    let path = folder.join("../rules-upstream/falco_rules.yaml");
    let Ok(text) = std::fs::read(path) else {
        return;
    };
    let result = load(
        &[Source::new("falco_rules.yaml", text)],
        &LoadOptions::default(),
    );
    let shown = (!result.diagnostics.is_empty()).then(|| result.render(false));
    report.case("load: upstream", "falco_rules.yaml", shown);
    let count = result.rules.map_or(0, |rules| rules.rules().len());
    report.case(
        "load: upstream",
        "25 rules",
        (count != 25).then(|| format!("{count} rules")),
    );
}
