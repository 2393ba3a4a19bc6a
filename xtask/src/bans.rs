//! Which crates may never come in, where crates may come from, and that each names a version.
//!
//! The refused names are the `deny` list of `deny.toml`, so that this check and `cargo deny` can never disagree.

use anyhow::Context;

use crate::metadata::Metadata;

/// The one registry, by the name cargo gives it in lock files whatever mirror it is fetched from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// A crate that is refused by name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ban {
    name: String,
    reason: String,
}

/// The entries of `deny = [...]` of the `[bans]` section.
///
/// # Errors
/// When the section or the list is missing or empty: a check that refuses nothing would go unnoticed.
pub(crate) fn banned_in(deny_toml: &str) -> anyhow::Result<Vec<Ban>> {
    let section = deny_toml.split("[bans]").nth(1).context("deny.toml has no [bans] section")?;
    let section = section.split("\n[").next().unwrap_or(section);
    let list = section.split("\ndeny = [").nth(1).context("[bans] in deny.toml has no deny list")?;
    let list = list.split("\n]").next().unwrap_or(list);
    let bans: Vec<_> = list
        .lines()
        .filter_map(|line| {
            let field = |name: &str| Some(line.split_once(&format!("{name} = \""))?.1.split('"').next()?.to_owned());
            Some(Ban { name: field("crate")?, reason: field("reason").unwrap_or_default() })
        })
        .collect();
    anyhow::ensure!(!bans.is_empty(), "the deny list of [bans] in deny.toml is empty");
    Ok(bans)
}

/// Every package that is refused, comes from elsewhere, or is wanted in any version.
pub(crate) fn check(metadata: &Metadata, bans: &[Ban]) -> Vec<String> {
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let name = format!("{} {}", package.name, package.version);
        if let Some(ban) = bans.iter().find(|ban| ban.name == package.name) {
            findings.push(format!("{name} is refused by name: {}", ban.reason));
        }
        match package.source.as_deref() {
            Some(REGISTRY) => {}
            Some(other) => findings.push(format!("{name} comes from `{other}`, not from the registry")),
            None if metadata.workspace_members.contains(&package.id) => {}
            None => findings.push(format!("{name} is a folder outside the workspace")),
        }
    }
    for package in metadata.members() {
        for dependency in package.dependencies.iter().filter(|one| one.req == "*" && one.path.is_none()) {
            findings.push(format!("`{}` wants any version of `{}`", package.name, dependency.name));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(packages: serde_json::Value) -> Metadata {
        serde_json::from_value(serde_json::json!({
            "packages": packages, "workspace_members": ["ours"], "resolve": { "nodes": [] },
        }))
        .expect("the synthetic metadata has cargo's shape")
    }

    #[test]
    fn a_refused_name_a_foreign_source_a_stray_folder_and_any_version_are_each_reported() {
        let metadata = metadata(serde_json::json!([
            { "id": "ours", "name": "ours", "version": "0.1.0", "license": "MIT", "manifest_path": "", "source": null,
              "dependencies": [
                { "name": "good", "req": "^1", "path": null },
                { "name": "wild", "req": "*", "path": null },
                { "name": "beside", "req": "*", "path": "/x" },
              ] },
            { "id": "g", "name": "good", "version": "1.0.0", "license": "MIT", "manifest_path": "", "source": REGISTRY },
            { "id": "o", "name": "openssl", "version": "1.0.0", "license": "MIT", "manifest_path": "", "source": REGISTRY },
            { "id": "f", "name": "forked", "version": "1.0.0", "license": "MIT", "manifest_path": "",
              "source": "git+https://example.org/forked#abc" },
            { "id": "s", "name": "stray", "version": "1.0.0", "license": "MIT", "manifest_path": "", "source": null },
        ]));
        let bans = [Ban { name: "openssl".to_owned(), reason: "TLS is rustls".to_owned() }];

        assert_eq!(
            check(&metadata, &bans),
            [
                "openssl 1.0.0 is refused by name: TLS is rustls",
                "forked 1.0.0 comes from `git+https://example.org/forked#abc`, not from the registry",
                "stray 1.0.0 is a folder outside the workspace",
                "`ours` wants any version of `wild`",
            ]
        );
    }

    #[test]
    fn the_repository_s_own_list_refuses_openssl() {
        let bans = banned_in(include_str!("../../deny.toml")).expect("deny.toml is well formed");

        let names: Vec<_> = bans.iter().map(|ban| ban.name.as_str()).collect();
        assert_eq!(names, ["openssl", "openssl-sys", "native-tls"]);
        assert!(bans.iter().all(|ban| !ban.reason.is_empty()));
    }

    #[test]
    fn a_list_that_cannot_be_read_is_an_error() {
        for text in ["[licenses]\n", "[bans]\n[x]\ndeny = [\n{ crate = \"a\" },\n]\n", "[bans]\ndeny = [\n]\n"] {
            assert!(banned_in(text).is_err(), "{text}");
        }
    }
}
