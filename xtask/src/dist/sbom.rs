//! What the agent is made of, as CycloneDX 1.5 (cyclonedx.org, `bom-1.5.schema.json`): every crate that is compiled
//! into either half.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::{Value, json};
use xshell::{Shell, cmd};

use super::Arch;
use crate::project;

/// Where the two halves begin.
const ROOTS: [&str; 2] = ["komainu", "komainu-ebpf"];

/// The document about the agent as it is built for these.
pub(super) fn of_agent(sh: &Shell, archs: &[Arch], epoch: u64) -> Result<String> {
    let cargo = project::cargo();
    let targets = archs
        .iter()
        .map(|arch| format!("--filter-platform={}", arch.target()));
    let text = cmd!(
        sh,
        "{cargo} metadata --format-version 1 --locked {targets...}"
    )
    .quiet()
    .read()?;
    let created = Timestamp::from_second(i64::try_from(epoch)?)?;
    let document = document(&serde_json::from_str(&text)?, &created.to_string())?;
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

fn document(metadata: &Value, created: &str) -> Result<Value> {
    let list = |of: &Value, key: &str| of[key].as_array().cloned().unwrap_or_default();
    let by_id = |values: Vec<Value>| -> BTreeMap<String, Value> {
        let ids = values
            .into_iter()
            .filter_map(|value| Some((value["id"].as_str()?.to_owned(), value)));
        ids.collect()
    };
    let packages = by_id(list(metadata, "packages"));
    let edges: BTreeMap<String, Vec<String>> = by_id(list(&metadata["resolve"], "nodes"))
        .into_iter()
        .map(|(id, node)| (id, list(&node, "deps").iter().filter_map(linked).collect()))
        .collect();
    let roots: Vec<&String> = packages
        .iter()
        .filter(|(_, package)| ROOTS.iter().any(|root| package["name"] == *root))
        .map(|(id, _)| id)
        .collect();
    let used = reachable(&roots, &edges);
    let main = packages
        .values()
        .find(|package| package["name"] == ROOTS[0]);
    let main = main.context("the agent is not in cargo's metadata")?;
    let parts = packages
        .iter()
        .filter(|(id, package)| used.contains(*id) && package["id"] != main["id"]);
    let refs = |id: &String| packages.get(id.as_str()).map(purl);
    let dependencies = used.iter().map(|id| {
        let on: Vec<String> = edges
            .get(*id)
            .into_iter()
            .flatten()
            .filter_map(refs)
            .collect();
        json!({"ref": refs(id), "dependsOn": on})
    });
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": created, "component": component(main, "application")},
        "components": parts.map(|(_, package)| component(package, "library")).collect::<Vec<_>>(),
        "dependencies": dependencies.collect::<Vec<_>>(),
    }))
}

/// The package of a dependency that ends up in the program; what only builds or tests it is left out.
fn linked(dependency: &Value) -> Option<String> {
    let mut kinds = dependency["dep_kinds"].as_array()?.iter();
    let normal = kinds.any(|kind| kind["kind"].is_null());
    normal.then(|| dependency["pkg"].as_str().map(str::to_owned))?
}

fn reachable<'a>(
    roots: &[&'a String],
    edges: &'a BTreeMap<String, Vec<String>>,
) -> BTreeSet<&'a String> {
    let mut found = BTreeSet::new();
    let mut open = roots.to_vec();
    while let Some(id) = open.pop() {
        if found.insert(id) {
            open.extend(edges.get(id).into_iter().flatten());
        }
    }
    found
}

/// A package URL (github.com/package-url/purl-spec), which names a version of a package and where it is from.
fn purl(package: &Value) -> String {
    let text = |key: &str| package[key].as_str().unwrap_or_default();
    format!("pkg:cargo/{}@{}", text("name"), text("version"))
}

fn component(package: &Value, kind: &str) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
    });
    // Cargo lets old crates write `/` where SPDX says OR.
    if let Some(licence) = package["license"].as_str() {
        component["licenses"] = json!([{"expression": licence.replace('/', " OR ")}]);
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_listed_and_what_builds_or_tests_is_not() {
        let package = |name: &str| json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT/Apache-2.0"});
        let packages = ["komainu", "komainu-ebpf", "a", "b", "dev", "other"].map(package);
        let dep = |name: &str, kind: Value| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let metadata = json!({
            "packages": packages,
            "resolve": {"nodes": [
                {"id": "komainu", "deps": [dep("a", Value::Null), dep("dev", json!("dev"))]},
                {"id": "komainu-ebpf", "deps": []},
                {"id": "a", "deps": [dep("b", Value::Null)]},
                {"id": "b", "deps": []},
                {"id": "other", "deps": []},
            ]},
        });
        let document = document(&metadata, "1970-01-01T00:00:00Z").unwrap();
        let names: Vec<&str> = document["components"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|c| c["name"].as_str())
            .collect();
        assert_eq!(names, ["a", "b", "komainu-ebpf"]);
        assert_eq!(
            document["metadata"]["component"]["purl"],
            "pkg:cargo/komainu@1.0.0"
        );
        assert_eq!(
            document["components"][0]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        let on = document["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .find(|d| d["ref"] == "pkg:cargo/a@1.0.0");
        assert_eq!(on.unwrap()["dependsOn"], json!(["pkg:cargo/b@1.0.0"]));
    }
}
