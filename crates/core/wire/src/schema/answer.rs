//! What we write: every field is there, except unset ones with explicit presence; 64-bit numbers are texts.

use prost_reflect::{Cardinality, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::{describe, fields, object, reference, value_kind};

pub(super) fn message(message: &MessageDescriptor) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields(message) {
        if !field.supports_presence() || is_plain_message(&field) {
            required.push(field.name().to_owned());
        }
        properties.insert(field.name().to_owned(), property(&field));
    }
    let mut schema = object(message, properties, required);
    schema.insert("additionalProperties".into(), false.into());
    schema.into()
}

fn property(field: &FieldDescriptor) -> Value {
    let value = value(&value_kind(field));
    let mut schema = if field.is_map() {
        Map::from_iter([("type".to_owned(), "object".into()), ("additionalProperties".to_owned(), value)])
    } else if field.is_list() {
        Map::from_iter([("type".to_owned(), "array".into()), ("items".to_owned(), value)])
    } else if is_plain_message(field) {
        Map::from_iter([("anyOf".to_owned(), json!([value, { "type": "null" }]))])
    } else {
        value.as_object().cloned().unwrap_or_default()
    };
    describe(&mut schema, field);
    schema.into()
}

/// Without the `optional` keyword and outside a choice: the kind that shows as `null`.
fn is_plain_message(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(_))
        && field.cardinality() != Cardinality::Repeated
        && field.containing_oneof().is_none()
}

fn value(kind: &Kind) -> Value {
    match kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::String => json!({ "type": "string" }),
        Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer", "format": "int32" }),
        Kind::Uint32 | Kind::Fixed32 => {
            json!({ "type": "integer", "format": "uint32", "minimum": 0, "maximum": u32::MAX })
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            json!({ "type": "string", "format": "int64", "pattern": "^-?[0-9]+$" })
        }
        Kind::Uint64 | Kind::Fixed64 => json!({ "type": "string", "format": "uint64", "pattern": "^[0-9]+$" }),
        Kind::Float => json!({ "type": "number", "format": "float" }),
        Kind::Double => json!({ "type": "number", "format": "double" }),
        // A number that has no name stays a number.
        Kind::Enum(choice) => json!({ "anyOf": [reference(choice.name()), { "type": "integer" }] }),
        Kind::Message(message) => reference(message.name()),
    }
}
