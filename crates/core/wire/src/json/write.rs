//! From messages to JSON.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use prost_reflect::{Cardinality, DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage, Value};

/// What happens to a field that is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unset {
    Written,
    Omitted,
}

/// The message as one line, fields in declaration order, maps sorted by key.
pub(super) fn to_string(message: &DynamicMessage, unset: Unset) -> String {
    let mut out = String::with_capacity(512);
    object(&mut out, message, unset);
    out
}

fn object(out: &mut String, message: &DynamicMessage, unset: Unset) {
    out.push('{');
    let descriptor = message.descriptor();
    let mut first = true;
    for declared in &descriptor.descriptor_proto().field {
        let number = declared.number().unsigned_abs();
        let field = descriptor.get_field(number).expect("the descriptor lists its own fields");
        let is_set = message.has_field(&field);
        let null = !is_set && is_plain_message(&field);
        if !is_set && (unset == Unset::Omitted || (field.supports_presence() && !null)) {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        text(out, field.name());
        out.push(':');
        if null {
            out.push_str("null");
        } else {
            value(out, &field, &message.get_field(&field), unset);
        }
    }
    out.push('}');
}

/// A message without the `optional` keyword and outside a choice: the kind that shows as `null`.
fn is_plain_message(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(_))
        && field.cardinality() != Cardinality::Repeated
        && field.containing_oneof().is_none()
}

fn value(out: &mut String, field: &FieldDescriptor, content: &Value, unset: Unset) {
    match content {
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::I32(value) => put(out, value),
        Value::U32(value) => put(out, value),
        Value::I64(value) => quoted(out, value),
        Value::U64(value) => quoted(out, value),
        Value::F32(value) if value.is_finite() => put(out, value),
        Value::F64(value) if value.is_finite() => put(out, value),
        Value::F32(value) => not_finite(out, f64::from(*value)),
        Value::F64(value) => not_finite(out, *value),
        Value::String(value) => text(out, value),
        Value::Bytes(bytes) => text(out, &BASE64_STANDARD.encode(bytes)),
        Value::EnumNumber(number) => enum_value(out, field, *number),
        Value::Message(message) => object(out, message, unset),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                value(out, field, item, unset);
            }
            out.push(']');
        }
        Value::Map(entries) => {
            let Kind::Message(entry) = field.kind() else {
                return out.push_str("{}");
            };
            let value_field = entry.map_entry_value_field();
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, item)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                map_key(out, key);
                out.push(':');
                value(out, &value_field, item, unset);
            }
            out.push('}');
        }
    }
}

fn enum_value(out: &mut String, field: &FieldDescriptor, number: i32) {
    let Kind::Enum(names) = field.kind() else {
        return put(out, &number);
    };
    match names.get_value(number) {
        Some(value) => text(out, value.name()),
        None => put(out, &number),
    }
}

fn map_key(out: &mut String, key: &MapKey) {
    match key {
        MapKey::Bool(key) => quoted(out, key),
        MapKey::I32(key) => quoted(out, key),
        MapKey::I64(key) => quoted(out, key),
        MapKey::U32(key) => quoted(out, key),
        MapKey::U64(key) => quoted(out, key),
        MapKey::String(key) => text(out, key),
    }
}

fn put(out: &mut String, value: &impl std::fmt::Display) {
    write!(out, "{value}").expect("a String takes everything");
}

fn quoted(out: &mut String, value: &impl std::fmt::Display) {
    write!(out, "\"{value}\"").expect("a String takes everything");
}

fn not_finite(out: &mut String, value: f64) {
    out.push_str(if value.is_nan() {
        "\"NaN\""
    } else if value > 0.0 {
        "\"Infinity\""
    } else {
        "\"-Infinity\""
    });
}

fn text(out: &mut String, value: &str) {
    // Nearly every text is plain, names always are.
    if value.bytes().all(|b| b >= b' ' && !matches!(b, b'"' | b'\\')) {
        out.push('"');
        out.push_str(value);
        return out.push('"');
    }
    out.push_str(&serde_json::to_string(value).expect("a string is always JSON"));
}
