//! Which flags the caller meant (D-01, rule C).

use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, ReflectMessage, Value};

use super::RoomDefaults;
use crate::json::{self, JsonError, Node};
use crate::pnm;

/// How the caller spells names, and with it what leaving a flag out means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    /// Declared names: absent means default.
    Declared,
    /// The SDKs' form, which drops `false`: absent means `false` inside a group that says anything.
    Camel,
}

/// The request as it stands in `node`, without any default.
pub(super) fn read(node: &Node) -> Result<pnm::CreateRoomReq, JsonError> {
    let descriptor = pnm::CreateRoomReq::default().descriptor();
    Ok(json::into_typed(&json::message_from(descriptor, node)?))
}

/// Puts the defaults under the features `node` names.
pub(super) fn apply(request: &mut pnm::CreateRoomReq, node: &Node, defaults: &RoomDefaults) -> Result<(), JsonError> {
    let spelling = spelling(&request.descriptor(), node);
    let Some(metadata) = &mut request.metadata else {
        return Ok(());
    };
    let features = child(node, &["metadata"]).and_then(|node| child(node, &["room_features", "roomFeatures"]));
    if let Some(features) = features {
        let mut merged = defaults.features.transcode_to_dynamic();
        overlay(&mut merged, features, spelling)?;
        metadata.room_features = Some(json::into_typed(&merged));
    }
    Ok(())
}

fn child<'n>(node: &'n Node, names: &[&str]) -> Option<&'n Node> {
    let Node::Object(entries) = node else {
        return None;
    };
    entries.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, node)| node)
}

/// Camel only if nothing known is spelled with an underscore: for a mixture the safe reading is "default".
fn spelling(descriptor: &MessageDescriptor, node: &Node) -> Spelling {
    let (mut camel, mut declared) = (false, false);
    look(descriptor, node, &mut camel, &mut declared);
    if camel && !declared { Spelling::Camel } else { Spelling::Declared }
}

fn look(descriptor: &MessageDescriptor, node: &Node, camel: &mut bool, declared: &mut bool) {
    let Node::Object(entries) = node else {
        return;
    };
    for (name, node) in entries {
        let Some(field) = json::field_named(descriptor, name) else {
            continue;
        };
        *camel |= field.name() != name;
        *declared |= field.name() == name && name.contains('_');
        if let (Kind::Message(inner), false) = (field.kind(), field.is_map()) {
            look(&inner, node, camel, declared);
        }
    }
}

/// Writes what `node` says over `base`.
fn overlay(base: &mut DynamicMessage, node: &Node, spelling: Spelling) -> Result<(), JsonError> {
    let Node::Object(entries) = node else {
        return Ok(());
    };
    let descriptor = base.descriptor();
    let said: Vec<_> = entries
        .iter()
        .filter(|(_, node)| *node != Node::Null)
        .filter_map(|(name, node)| Some((json::field_named(&descriptor, name)?, node)))
        .collect();
    if said.is_empty() {
        return Ok(());
    }
    if spelling == Spelling::Camel {
        for field in descriptor.fields().filter(|field| field.kind() == Kind::Bool && !field.supports_presence()) {
            base.clear_field(&field);
        }
    }
    for (field, node) in said {
        match (field.kind(), base.has_field(&field)) {
            (Kind::Message(_), true) if !field.is_list() && !field.is_map() => {
                if let Value::Message(inner) = base.get_field_mut(&field) {
                    overlay(inner, node, spelling)?;
                }
            }
            _ => {
                if let Some(value) = json::value_from(&field, node)? {
                    base.set_field(&field, value);
                }
            }
        }
    }
    Ok(())
}
