//! Which flags the caller meant (D-01, rule C).

use prost::Message;
use prost_reflect::ReflectMessage;

use super::RoomDefaults;
use crate::json::shape::{self, Many, Shape, Type};
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
    json::from_node(node)
}

/// Puts the defaults under the features `node` names.
pub(super) fn apply(request: &mut pnm::CreateRoomReq, node: &Node, defaults: &RoomDefaults) -> Result<(), JsonError> {
    let spelling = spelling(shape::of(&request.descriptor()), node);
    let Some(metadata) = &mut request.metadata else {
        return Ok(());
    };
    let features = child(node, &["metadata"]).and_then(|node| child(node, &["room_features", "roomFeatures"]));
    if let Some(features) = features {
        let mut merged = defaults.features.clone();
        let mut said = Vec::new();
        overlay(&mut said, shape::of(&merged.descriptor()), features, spelling)?;
        merged.merge(said.as_slice()).map_err(|error| JsonError::Syntax(error.to_string()))?;
        metadata.room_features = Some(merged);
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
fn spelling(shape: &Shape, node: &Node) -> Spelling {
    let (mut camel, mut declared) = (false, false);
    look(shape, node, &mut camel, &mut declared);
    if camel && !declared { Spelling::Camel } else { Spelling::Declared }
}

fn look(shape: &Shape, node: &Node, camel: &mut bool, declared: &mut bool) {
    let Node::Object(entries) = node else {
        return;
    };
    for (name, node) in entries {
        let Some(field) = shape.named(name) else {
            continue;
        };
        *camel |= field.name != *name;
        *declared |= field.name == *name && name.contains('_');
        if let (Type::Message(inner), Many::One | Many::List) = (&field.value, field.many) {
            look(inner.shape(), node, camel, declared);
        }
    }
}

/// Appends what `node` says, in the form that is merged over the defaults: what is said is there, zeros included, and
/// what is not said is not.
fn overlay(out: &mut Vec<u8>, shape: &Shape, node: &Node, spelling: Spelling) -> Result<(), JsonError> {
    let Node::Object(entries) = node else {
        return Ok(());
    };
    let said: Vec<_> = entries
        .iter()
        .filter(|(_, node)| *node != Node::Null)
        .filter_map(|(name, node)| Some((shape.named(name)?, node)))
        .collect();
    if said.is_empty() {
        return Ok(());
    }
    if spelling == Spelling::Camel {
        for flag in shape.fields.iter().filter(|field| field.is_plain_flag()) {
            json::varint(out, flag.number, 0);
        }
    }
    for (field, node) in said {
        match field.message() {
            Some(inner) => {
                let mut content = Vec::new();
                overlay(&mut content, inner, node, spelling)?;
                json::length_delimited(out, field.number, &content);
            }
            None => json::field(out, field, node)?,
        }
    }
    Ok(())
}
