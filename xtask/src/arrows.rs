//! Which crate may use which, and that no core crate carries a runtime.
//!
//! The table is the written form of `docs/architecture.md`: a crate that is not in it, or an arrow that is not in it,
//! is an error, so a new room of the house is always a decision and never an accident.

use std::collections::BTreeSet;

use crate::metadata::{Metadata, Package};

/// The folder a crate lives in decides what it may know about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    /// Values, codecs and state machines: no runtime, no clock, no I/O.
    Core,
    /// Use cases and the traits they need.
    App,
    /// One outside thing each.
    Rim,
    /// The binary, which wires everything.
    Binary,
    /// Tools of the repository; nothing of the product depends on them.
    Tool,
    /// Load generators, which measure the product from outside.
    Bench,
    /// What fuzz targets do with hostile input.
    Fuzz,
}

struct Room {
    name: &'static str,
    layer: Layer,
    may_use: &'static [&'static str],
}

const fn room(name: &'static str, layer: Layer, may_use: &'static [&'static str]) -> Room {
    Room { name, layer, may_use }
}

/// Every crate of the house with all crates of the house that it may use.
const HOUSE: &[Room] = &[
    room("model", Layer::Core, &[]),
    room("nats", Layer::Core, &[]),
    room("turn", Layer::Core, &[]),
    room("sip", Layer::Core, &[]),
    room("wire", Layer::Core, &["model"]),
    room("rtc", Layer::Core, &["model"]),
    room("sfu", Layer::Core, &["model"]),
    room("signal", Layer::Core, &["wire", "model"]),
    room("room", Layer::Core, &["wire", "model"]),
    room("ports", Layer::App, &["model"]),
    room("meeting", Layer::App, &["room", "wire", "ports", "model"]),
    room("http-api", Layer::Rim, &["meeting", "ports", "wire", "model"]),
    room("gateway", Layer::Rim, &["meeting", "ports", "nats", "signal", "wire", "model"]),
    room("media", Layer::Rim, &["ports", "rtc", "sfu", "signal", "turn", "wire", "model"]),
    room("media-livekit", Layer::Rim, &["ports", "wire", "model"]),
    room("store", Layer::Rim, &["ports", "model"]),
    room("bus", Layer::Rim, &["ports", "model"]),
    room("blobs", Layer::Rim, &["ports", "model"]),
    room("recorder", Layer::Rim, &["ports", "model"]),
    room("ingress", Layer::Rim, &["ports", "model"]),
    room("telephony", Layer::Rim, &["ports", "sip", "model"]),
    room("insights", Layer::Rim, &["ports", "model"]),
    room("notify", Layer::Rim, &["ports", "model"]),
    room(
        "plenum",
        Layer::Binary,
        &[
            "model",
            "nats",
            "turn",
            "sip",
            "wire",
            "rtc",
            "sfu",
            "signal",
            "room",
            "ports",
            "meeting",
            "http-api",
            "gateway",
            "media",
            "media-livekit",
            "store",
            "bus",
            "blobs",
            "recorder",
            "ingress",
            "telephony",
            "insights",
            "notify",
        ],
    ),
    room("xtask", Layer::Tool, &[]),
    room("bench-load", Layer::Bench, &["media", "ports", "wire", "model"]),
    room("fuzz-bodies", Layer::Fuzz, &["media", "model", "nats", "ports", "rtc", "sfu", "signal", "turn", "wire"]),
];

/// Crates that bring an executor, a reactor or a thread pool. str0m is not among them: it does no I/O itself.
const RUNTIMES: &[&str] = &[
    "tokio",
    "async-std",
    "mio",
    "smol",
    "async-io",
    "async-executor",
    "async-global-executor",
    "futures-executor",
    "glommio",
    "monoio",
    "polling",
    "rayon",
];

/// Every broken rule, as a sentence that says what to do.
pub(crate) fn check(metadata: &Metadata) -> Vec<String> {
    let mut findings = Vec::new();
    for package in metadata.members() {
        match find(&package.name) {
            None => findings.push(format!(
                "crate `{}` is not in the table of xtask/src/arrows.rs: decide its layer and what it may use, there and \
                 in docs/architecture.md",
                package.name
            )),
            Some(room) => {
                findings.extend(misplaced(package, room));
                findings.extend(wrong_arrows(metadata, package, room));
                if room.layer == Layer::Core {
                    findings.extend(runtime_inside(metadata, package));
                }
            }
        }
    }
    findings
}

fn find(name: &str) -> Option<&'static Room> {
    HOUSE.iter().find(|room| room.name == name)
}

fn misplaced(package: &Package, room: &Room) -> Option<String> {
    let folder = match room.layer {
        Layer::Core => "/crates/core/",
        Layer::App => "/crates/app/",
        Layer::Rim => "/crates/rim/",
        Layer::Binary => "/crates/plenum/",
        Layer::Tool => "/xtask/",
        Layer::Bench => "/bench/",
        Layer::Fuzz => "/fuzz/",
    };
    let path = package.manifest_path.replace('\\', "/");
    (!path.contains(folder)).then(|| format!("crate `{}` must live below {folder}, not at {path}", package.name))
}

fn wrong_arrows(metadata: &Metadata, package: &Package, room: &Room) -> Vec<String> {
    let Some(node) = metadata.node(&package.id) else { return Vec::new() };
    node.deps
        .iter()
        .filter_map(|dep| Some((dep, metadata.package(&dep.pkg)?)))
        .filter(|(dep, _)| metadata.workspace_members.contains(&dep.pkg))
        .filter_map(|(dep, used)| {
            let used_room = find(&used.name)?;
            // Tests of the outer layers may use the real thing next door; tests of the core stay inside the core.
            if dep.is_dev_only() {
                let leaks = room.layer == Layer::Core && used_room.layer != Layer::Core;
                return leaks.then(|| {
                    format!("the tests of core crate `{}` use `{}`, which is not a core crate", package.name, used.name)
                });
            }
            (!room.may_use.contains(&used_room.name)).then(|| refusal(room, used_room))
        })
        .collect()
}

fn refusal(room: &Room, used: &Room) -> String {
    let why = match (room.layer, used.layer) {
        (Layer::Core, Layer::App | Layer::Rim | Layer::Binary) => "a core crate knows nothing of the layers above it",
        (Layer::App, Layer::Rim | Layer::Binary) => "the application reaches the outside through `ports` only",
        (Layer::Rim, Layer::Rim) => "one rim crate never depends on another; meet in `meeting` or `ports`",
        (_, Layer::Tool | Layer::Bench | Layer::Fuzz) => "nothing depends on the repository's tools",
        _ => "this arrow is not in the plan (xtask/src/arrows.rs, docs/architecture.md)",
    };
    format!("crate `{}` may not use `{}`: {why}", room.name, used.name)
}

/// The first path to each runtime inside a crate's normal dependencies.
fn runtime_inside(metadata: &Metadata, package: &Package) -> Vec<String> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::from([package.id.as_str()]);
    let mut open = vec![(package.id.as_str(), package.name.clone())];
    while let Some((id, path)) = open.pop() {
        let Some(node) = metadata.node(id) else { continue };
        for dep in node.deps.iter().filter(|dep| dep.is_normal()) {
            let Some(used) = metadata.package(&dep.pkg) else { continue };
            if !seen.insert(used.id.as_str()) {
                continue;
            }
            let path = format!("{path} -> {}", used.name);
            if RUNTIMES.contains(&used.name.as_str()) {
                findings.push(format!("core crate `{}` carries a runtime: {path}", package.name));
            } else {
                open.push((used.id.as_str(), path));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_itself_has_no_findings() {
        let house = house(&[("model", "core", &[]), ("wire", "core", &["model"]), ("ports", "app", &["model"])]);

        assert_eq!(check(&house), Vec::<String>::new());
    }

    #[test]
    fn a_core_crate_that_uses_the_application_is_refused() {
        let house = house(&[("ports", "app", &[]), ("room", "core", &["ports"])]);

        assert_eq!(
            check(&house),
            ["crate `room` may not use `ports`: a core crate knows nothing of the layers above it"]
        );
    }

    #[test]
    fn the_application_that_uses_the_rim_is_refused() {
        let house = house(&[("store", "rim", &[]), ("meeting", "app", &["store"])]);

        assert_eq!(
            check(&house),
            ["crate `meeting` may not use `store`: the application reaches the outside through `ports` only"]
        );
    }

    #[test]
    fn a_rim_crate_that_uses_another_is_refused() {
        let house = house(&[("store", "rim", &[]), ("gateway", "rim", &["store"])]);

        assert_eq!(
            check(&house),
            [
                "crate `gateway` may not use `store`: one rim crate never depends on another; meet in `meeting` or `ports`"
            ]
        );
    }

    #[test]
    fn a_sideways_arrow_inside_the_core_is_refused_when_the_plan_does_not_draw_it() {
        let house = house(&[("sfu", "core", &[]), ("rtc", "core", &["sfu"])]);

        assert_eq!(
            check(&house),
            [
                "crate `rtc` may not use `sfu`: this arrow is not in the plan (xtask/src/arrows.rs, docs/architecture.md)"
            ]
        );
    }

    #[test]
    fn a_crate_that_nobody_planned_is_refused() {
        let findings = check(&house(&[("helpers", "core", &[])]));

        assert_eq!(findings.len(), 1);
        assert!(findings[0].starts_with("crate `helpers` is not in the table"), "{findings:?}");
    }

    #[test]
    fn a_crate_in_the_wrong_folder_is_refused() {
        let findings = check(&house(&[("model", "rim", &[])]));

        assert_eq!(findings, ["crate `model` must live below /crates/core/, not at /src/crates/rim/model/Cargo.toml"]);
    }

    #[test]
    fn a_runtime_deep_inside_a_core_crate_is_found_with_its_path() {
        let house =
            house(&[("model", "core", &["handy"]), ("handy", "outside", &["tokio"]), ("tokio", "outside", &[])]);

        assert_eq!(check(&house), ["core crate `model` carries a runtime: model -> handy -> tokio"]);
    }

    #[test]
    fn a_runtime_in_the_tests_or_the_build_script_of_a_core_crate_is_fine() {
        let mut house =
            house(&[("model", "core", &["tokio", "smol"]), ("tokio", "outside", &[]), ("smol", "outside", &[])]);
        house.resolve.nodes[0].deps[0].dep_kinds[0].kind = Some("dev".into());
        house.resolve.nodes[0].deps[1].dep_kinds[0].kind = Some("build".into());

        assert_eq!(check(&house), Vec::<String>::new());
    }

    #[test]
    fn tests_of_the_rim_may_use_a_neighbour_but_tests_of_the_core_may_not() {
        let mut house = house(&[
            ("store", "rim", &[]),
            ("gateway", "rim", &["store"]),
            ("ports", "app", &[]),
            ("room", "core", &["ports"]),
        ]);
        for node in &mut house.resolve.nodes {
            for dep in &mut node.deps {
                dep.dep_kinds[0].kind = Some("dev".into());
            }
        }

        assert_eq!(check(&house), ["the tests of core crate `room` use `ports`, which is not a core crate"]);
    }

    #[test]
    fn every_arrow_of_the_table_points_down_and_names_a_room_of_the_house() {
        let height = |layer| match layer {
            Layer::Core => 0,
            Layer::App => 1,
            Layer::Rim => 2,
            Layer::Binary => 3,
            Layer::Tool | Layer::Bench | Layer::Fuzz => 4,
        };
        for room in HOUSE {
            for used in room.may_use {
                let used = find(used).unwrap_or_else(|| panic!("`{}` names unknown `{used}`", room.name));
                assert!(height(used.layer) <= height(room.layer), "{} -> {}", room.name, used.name);
                assert!(room.layer != Layer::Rim || used.layer != Layer::Rim, "{} -> {}", room.name, used.name);
            }
        }
    }

    /// A workspace of `(name, folder, uses)`; folder `outside` is a crate from elsewhere. Every arrow is a normal one.
    fn house(crates: &[(&str, &str, &[&str])]) -> Metadata {
        let packages: Vec<_> = crates
            .iter()
            .map(|(name, folder, _)| {
                serde_json::json!({
                    "id": name, "name": name, "version": "1.0.0", "license": "MIT",
                    "manifest_path": format!("/src/crates/{folder}/{name}/Cargo.toml"),
                })
            })
            .collect();
        let members: Vec<_> =
            crates.iter().filter(|(_, folder, _)| *folder != "outside").map(|(name, ..)| *name).collect();
        let nodes: Vec<_> = crates
            .iter()
            .map(|(name, _, uses)| {
                let deps: Vec<_> = uses
                    .iter()
                    .map(|used| serde_json::json!({ "pkg": used, "dep_kinds": [{ "kind": null, "target": null }] }))
                    .collect();
                serde_json::json!({ "id": name, "deps": deps })
            })
            .collect();
        serde_json::from_value(serde_json::json!({
            "packages": packages, "workspace_members": members, "resolve": { "nodes": nodes },
        }))
        .expect("the synthetic metadata has cargo's shape")
    }
}
