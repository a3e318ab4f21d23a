//! Loading: messages, places, merging.

use komainu::rules::diagnostics::{CODES, explain, falco_results};
use komainu::rules::{LoadOptions, LoadResult, PROVIDED_PLUGINS, Source, load};

fn load_text(text: &str) -> LoadResult {
    load(&[Source::new("rules.yaml", text)], &LoadOptions::default())
}

/// Every error and warning as `CODE LINE:COLUMN`.
fn places(result: &LoadResult) -> Vec<String> {
    let place = |d: &komainu::rules::Diagnostic| {
        let at = result.files.position(d.primary.span);
        format!("{} {}:{}", d.code.id, at.line, at.column)
    };
    result.diagnostics.iter().map(place).collect()
}

const TAIL: &str = "  desc: d\n  output: o\n  priority: INFO\n";

#[test]
fn an_error_inside_a_block_scalar_points_at_the_token() {
    let text = format!(
        "- rule: Shell in container\n  condition: >\n    evt.type = execve\n    and proc.nam in (bash)\n{TAIL}"
    );
    let result = load_text(&text);
    assert_eq!(places(&result), ["E0302 4:9"]);
    insta::assert_snapshot!(result.render(false), @r"
    error[E0302]: filter_check called with nonexistent field proc.nam
     --> rules.yaml:4:9
      |
    4 |     and proc.nam in (bash)
      |         ^^^^^^^^
      |
      = help: did you mean `proc.name`?
    ");
}

#[test]
fn an_error_inside_a_macro_shows_where_it_is_used() {
    let text = format!(
        "- macro: shells\n  condition: |\n    proc.name in (bash) and\n    proc.tty = word\n- rule: r\n  condition: evt.type = execve and shells\n{TAIL}"
    );
    let result = load_text(&text);
    assert_eq!(places(&result), ["E0304 4:16"]);
    let rendered = result.render(false);
    assert!(rendered.contains("used from here"), "{rendered}");
}

#[test]
fn an_error_inside_a_list_shows_where_it_is_used() {
    let text = format!(
        "- list: ports\n  items: [22, ssh, nonsense]\n- rule: r\n  condition: evt.type = connect and fd.sport in (ports)\n{TAIL}"
    );
    let result = load_text(&text);
    assert_eq!(places(&result), ["E0304 2:20"]);
    assert!(result.render(false).contains("used from here"));
}

#[test]
fn all_errors_of_all_files_come_in_one_run() {
    let one = format!(
        "- rule: a\n  condition: evt.type = opne\n{TAIL}- rule: b\n  condition: fd.nam = x\n{TAIL}"
    );
    let two = format!(
        "- rule: c\n  condition: (evt.type = open\n{TAIL}- rule: d\n  condition: evt.type=open\n"
    );
    let sources = [Source::new("one.yaml", one), Source::new("two.yaml", two)];
    let result = load(&sources, &LoadOptions::default());
    let files: Vec<_> = result
        .errors()
        .map(|e| (e.code.id, result.files.name(e.primary.span.file)))
        .collect();
    assert_eq!(files.len(), 4, "{}", result.render(false));
    assert!(files.contains(&("E0308", "one.yaml")) && files.contains(&("E0302", "one.yaml")));
    assert!(files.contains(&("E0301", "two.yaml")) && files.contains(&("E0102", "two.yaml")));
}

#[test]
fn quoted_scalars_map_to_the_file() {
    let text = format!(
        "- rule: r\n  condition: \"evt.type = open and\\tproc.exe = \\\"a\\\" and fd.nome = x\"\n{TAIL}"
    );
    let result = load_text(&text);
    let column = text.lines().nth(1).unwrap().find("fd.nome").unwrap() + 1;
    assert_eq!(places(&result), [format!("E0302 2:{column}")]);
}

#[test]
fn appended_conditions_point_into_their_own_item() {
    let text = format!(
        "- rule: r\n  condition: evt.type = open\n{TAIL}- rule: r\n  condition: and fd.nome = x\n  override:\n    condition: append\n"
    );
    assert_eq!(places(&load_text(&text)), ["E0302 7:18"]);
}

#[test]
fn exceptions_point_at_the_value() {
    let text = format!(
        "- rule: r\n  condition: evt.type = open\n{TAIL}  exceptions:\n    - name: e\n      fields: [proc.pid]\n      comps: [=]\n      values:\n        - [many]\n"
    );
    assert_eq!(places(&load_text(&text)), ["E0304 11:12"]);
}

#[test]
fn later_files_change_earlier_ones() {
    let base = format!(
        "- list: l\n  items: [a]\n- rule: r\n  condition: evt.type = open and proc.name in (l)\n{TAIL}"
    );
    let local = "- list: l\n  items: [b]\n  override:\n    items: append\n- rule: r\n  enabled: false\n  override:\n    enabled: replace\n";
    let sources = [
        Source::new("base.yaml", base),
        Source::new("local.yaml", local),
    ];
    let result = load(&sources, &LoadOptions::default());
    let rules = result.rules.unwrap();
    let rule = &rules.rules()[0];
    assert!(!rule.enabled);
    let compiled = rules.compiled_condition(rule).unwrap();
    assert_eq!(compiled, "(evt.type = open and proc.name in (a, b))");
}

#[test]
fn text_inside_quotes_is_not_replaced_by_a_list() {
    let text = format!(
        "- list: foo\n  items: [x]\n- rule: r\n  condition: evt.type = open and proc.cmdline = \"a foo b\"\n{TAIL}"
    );
    let result = load_text(&text);
    let rules = result.rules.unwrap();
    let compiled = rules.compiled_condition(&rules.rules()[0]).unwrap();
    assert_eq!(compiled, "(evt.type = open and proc.cmdline = \"a foo b\")");
}

#[test]
fn a_list_where_one_value_belongs_is_explained() {
    let text = format!(
        "- list: bash\n  items: [x, y]\n- rule: r\n  condition: evt.type = open and proc.name = bash\n{TAIL}"
    );
    let result = load_text(&text);
    assert_eq!(places(&result), ["E0311 4:46"]);
}

#[test]
fn a_conjunction_that_cannot_hold_is_found() {
    for (condition, expected) in [
        ("evt.type = open and evt.type = close", true),
        (
            "evt.type = open and proc.name in (a, b) and proc.name in (c)",
            true,
        ),
        ("evt.type = open and fd.num = 1 and fd.num = 01", false),
        (
            "evt.type = open and proc.name in (a, b) and proc.name in (b, c)",
            false,
        ),
        (
            "evt.type = open and proc.aname = a and proc.aname = b",
            false,
        ),
        (
            "evt.type = open and proc.aname[1] = a and proc.aname[2] = b",
            false,
        ),
    ] {
        let result = load_text(&format!("- rule: r\n  condition: {condition}\n{TAIL}"));
        let found = result.warnings().any(|warning| warning.code.id == "W0101");
        assert_eq!(found, expected, "{condition}");
    }
}

#[test]
fn contradictions_are_found_through_macros_and_ranges() {
    let macros = "- macro: shell\n  condition: (proc.name in (bash, sh))\n- macro: web\n  condition: (proc.name in (nginx) and proc.pid > 10)\n- list: none\n  items: []\n";
    for (condition, expected) in [
        ("evt.type = execve and shell and web", true),
        ("evt.type = execve and web and proc.pid < 10", true),
        (
            "evt.type = execve and proc.pid >= 10 and proc.pid <= 10",
            false,
        ),
        (
            "evt.type = execve and proc.pid > 10 and proc.pid < 10",
            true,
        ),
        ("evt.type = execve and proc.pid = 5 and proc.pid > 5", true),
        ("evt.type = execve and (shell or web)", false),
        ("evt.type = execve and shell and not web", false),
        ("evt.type = execve and shell and proc.pname = nginx", false),
        ("evt.type = execve and shell and proc.name in (none)", false),
        (
            "evt.type = connect and fd.port = 80 and fd.port = 443",
            false,
        ),
        (
            "evt.type = connect and fd.sport = https and fd.sport = 443",
            false,
        ),
    ] {
        let result = load_text(&format!(
            "{macros}- rule: r\n  condition: {condition}\n{TAIL}"
        ));
        let found = result.warnings().any(|warning| warning.code.id == "W0101");
        assert_eq!(found, expected, "{condition}");
    }
}

#[test]
fn a_rule_that_no_event_reaches_is_found() {
    let text = format!("- rule: r\n  condition: evt.type = open and evt.num = 0\n{TAIL}");
    let result = load_text(&text);
    assert!(result.warnings().any(|warning| warning.code.id == "W0102"));
}

#[test]
fn the_result_reads_like_that_of_falco() {
    let result =
        load_text("- rule: r\n  condition: evt.type = open\n  output: o\n  priority: INFO\n");
    let json = falco_results(&result.diagnostics, &result.files, 1);
    let file = &json["falco_load_results"][0];
    assert_eq!(file["successful"], false);
    assert_eq!(file["schema_valid"], false);
    assert_eq!(file["errors"][0]["code"], "LOAD_ERR_YAML_VALIDATE");
    assert_eq!(
        file["errors"][0]["context"]["locations"][0]["item_name"],
        "r"
    );
    assert_eq!(
        file["errors"][0]["context"]["locations"][0]["position"]["line"],
        0
    );
    let ours = result.json();
    assert_eq!(ours[0]["code"], "E0102");
    assert_eq!(ours[0]["primary"]["line"], 1);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_among_others() {
    let sources = [
        Source::unreadable("missing.yaml", "No such file or directory"),
        Source::new("bad.yaml", "- macro: m\n"),
    ];
    let result = load(&sources, &LoadOptions::default());
    let codes: Vec<_> = result.errors().map(|error| error.code.id).collect();
    assert_eq!(codes, ["E0001", "E0102"]);
    assert!(result.render(false).contains("missing.yaml"));
}

#[test]
fn the_container_plugin_is_built_in() {
    let text = "- required_plugin_versions:\n  - name: container\n    version: 0.4.0\n";
    let rules = load_text(text).rules.unwrap();
    assert_eq!(rules.unmet_plugins(PROVIDED_PLUGINS), [""; 0]);
    let text = "- required_plugin_versions:\n  - name: k8saudit\n    version: 0.7.0\n";
    let rules = load_text(text).rules.unwrap();
    assert_eq!(rules.unmet_plugins(PROVIDED_PLUGINS), ["k8saudit 0.7.0"]);
}

#[test]
fn every_code_has_a_page_and_a_name_of_its_own() {
    let mut seen = std::collections::BTreeSet::new();
    for code in CODES {
        assert!(seen.insert(code.id), "{} is there twice", code.id);
        assert!(explain(code.id).unwrap().contains(code.page));
        assert!(code.page.len() > 30, "{} has no page", code.id);
        let error = code.id.starts_with('E');
        assert_eq!(
            error,
            code.severity == komainu::rules::diagnostics::Severity::Error
        );
    }
    assert_eq!(explain("E9999"), None);
}
