//! From JSON to the binary form, which a message then reads.

use std::collections::HashSet;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost::encoding::{WireType, encode_key, encode_varint};

use super::shape::{Field, Many, Shape, Type};
use super::{JsonError, Node};

/// How much of a wrong value an error repeats, in characters.
const SHOWN: usize = 64;

/// Appends the message `node` describes. Zeros that were sent are written, so that they win over what is there already
/// when the bytes are merged into a message.
pub(crate) fn message(out: &mut Vec<u8>, shape: &Shape, node: &Node) -> Result<(), JsonError> {
    let Node::Object(entries) = node else {
        return Err(JsonError::NotAnObject);
    };
    let mut seen = Seen::default();
    for (name, node) in entries {
        let Some(known) = shape.named(name) else {
            continue;
        };
        seen.note(known, node)?;
        field(out, known, node)?;
    }
    Ok(())
}

/// Which fields and choices of one object are taken. Few are, so a list is looked through.
#[derive(Default)]
struct Seen<'s> {
    fields: Vec<u32>,
    choices: Vec<&'s str>,
}

impl<'s> Seen<'s> {
    fn note(&mut self, field: &'s Field, node: &Node) -> Result<(), JsonError> {
        if self.fields.contains(&field.number) {
            return Err(JsonError::Duplicate(field.name.clone()));
        }
        self.fields.push(field.number);
        let Some(choice) = field.choice.as_deref().filter(|_| *node != Node::Null) else {
            return Ok(());
        };
        if self.choices.contains(&choice) {
            return Err(JsonError::Choice { field: field.name.clone(), choice: choice.to_owned() });
        }
        self.choices.push(choice);
        Ok(())
    }
}

/// Appends one field, whatever it holds; nothing if it stays unset.
pub(crate) fn field(out: &mut Vec<u8>, field: &Field, node: &Node) -> Result<(), JsonError> {
    if *node == Node::Null {
        return Ok(());
    }
    match field.many {
        Many::One => single(out, field, node).map(drop),
        Many::List => {
            let Node::List(items) = node else {
                return Err(wrong(field, "repeated", node));
            };
            items.iter().try_for_each(|item| single(out, field, item).map(drop))
        }
        Many::Map => map(out, field, node),
    }
}

fn map(out: &mut Vec<u8>, field: &Field, node: &Node) -> Result<(), JsonError> {
    let (Node::Object(entries), Type::Message(entry)) = (node, &field.value) else {
        return Err(wrong(field, "map", node));
    };
    let (Some(key), Some(value)) = (entry.shape().named("key"), entry.shape().named("value")) else {
        return Err(wrong(field, "map", node));
    };
    let mut seen = HashSet::with_capacity(entries.len());
    for (name, node) in entries {
        let mut pair = Vec::new();
        let wrong_key = || wrong(field, "map", &Node::Text(name.clone()));
        if !map_key(&mut pair, key, name) {
            return Err(wrong_key());
        }
        let key = pair.clone();
        if !single(&mut pair, value, node)? {
            continue;
        }
        if !seen.insert(key) {
            return Err(JsonError::Duplicate(name.clone()));
        }
        length_delimited(out, field.number, &pair);
    }
    Ok(())
}

/// Whether the text is a key of that type.
fn map_key(out: &mut Vec<u8>, field: &Field, name: &str) -> bool {
    let node = match (&field.value, name) {
        (Type::Bool, "true") => Node::Bool(true),
        (Type::Bool, "false") => Node::Bool(false),
        _ => Node::Text(name.to_owned()),
    };
    single(out, field, &node) == Ok(true)
}

/// Appends one value of the field's type. The answer is false, and nothing is appended, for an enum name nobody knows.
fn single(out: &mut Vec<u8>, field: &Field, node: &Node) -> Result<bool, JsonError> {
    let integer = |kind| integer(node).ok_or_else(|| wrong(field, kind, node));
    let signed32 = |kind| i32::try_from(integer(kind)?).map_err(|_| wrong(field, kind, node));
    let signed64 = |kind| i64::try_from(integer(kind)?).map_err(|_| wrong(field, kind, node));
    let unsigned32 = |kind| u32::try_from(integer(kind)?).map_err(|_| wrong(field, kind, node));
    let unsigned64 = |kind| u64::try_from(integer(kind)?).map_err(|_| wrong(field, kind, node));
    let number = field.number;
    match &field.value {
        Type::Bool => match node {
            Node::Bool(value) => varint(out, number, (*value).into()),
            _ => return Err(wrong(field, "bool", node)),
        },
        Type::Text => match node {
            Node::Text(text) => length_delimited(out, number, text.as_bytes()),
            _ => return Err(wrong(field, "string", node)),
        },
        Type::Bytes => {
            let bytes = bytes(node).ok_or_else(|| wrong(field, "bytes", node))?;
            length_delimited(out, number, &bytes);
        }
        Type::Int32 => varint(out, number, i64::from(signed32("int32")?).cast_unsigned()),
        Type::Sint32 => varint(out, number, zigzag(signed32("int32")?.into())),
        Type::Sfixed32 => fixed32(out, number, signed32("int32")?.to_le_bytes()),
        Type::Int64 => varint(out, number, signed64("int64")?.cast_unsigned()),
        Type::Sint64 => varint(out, number, zigzag(signed64("int64")?)),
        Type::Sfixed64 => fixed64(out, number, signed64("int64")?.to_le_bytes()),
        Type::Uint32 => varint(out, number, unsigned32("uint32")?.into()),
        Type::Fixed32 => fixed32(out, number, unsigned32("uint32")?.to_le_bytes()),
        Type::Uint64 => varint(out, number, unsigned64("uint64")?),
        Type::Fixed64 => fixed64(out, number, unsigned64("uint64")?.to_le_bytes()),
        Type::Float => {
            let value = float(node).map(narrow).ok_or_else(|| wrong(field, "float", node))?;
            fixed32(out, number, value.to_le_bytes());
        }
        Type::Double => {
            let value = float(node).ok_or_else(|| wrong(field, "double", node))?;
            fixed64(out, number, value.to_le_bytes());
        }
        Type::Enum(names) => {
            let value = match node {
                Node::Text(name) => match names.get_value_by_name(name) {
                    Some(value) => value.number(),
                    None => return Ok(false),
                },
                _ => signed32("enum")?,
            };
            varint(out, number, i64::from(value).cast_unsigned());
        }
        Type::Message(link) => match node {
            Node::Object(_) => {
                let mut inner = Vec::new();
                message(&mut inner, link.shape(), node)?;
                length_delimited(out, number, &inner);
            }
            _ => return Err(wrong(field, "message", node)),
        },
    }
    Ok(true)
}

/// Appends bytes, a text or a message.
pub(crate) fn length_delimited(out: &mut Vec<u8>, number: u32, content: &[u8]) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

/// Appends a number of variable length.
pub(crate) fn varint(out: &mut Vec<u8>, number: u32, value: u64) {
    encode_key(number, WireType::Varint, out);
    encode_varint(value, out);
}

fn fixed32(out: &mut Vec<u8>, number: u32, value: [u8; 4]) {
    encode_key(number, WireType::ThirtyTwoBit, out);
    out.extend_from_slice(&value);
}

fn fixed64(out: &mut Vec<u8>, number: u32, value: [u8; 8]) {
    encode_key(number, WireType::SixtyFourBit, out);
    out.extend_from_slice(&value);
}

/// Small numbers of either sign in few bytes (`sint32`, `sint64`).
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// An integer, an integral float, or either of them as text. `i128` holds every 64-bit number of both signs.
fn integer(node: &Node) -> Option<i128> {
    match node {
        Node::Unsigned(value) => Some((*value).into()),
        Node::Negative(value) => Some((*value).into()),
        Node::Float(value) => integral(*value),
        Node::Text(text) => match text.parse::<i128>() {
            Ok(value) if !text.starts_with('+') => Some(value),
            Ok(_) => None,
            Err(_) => integral(number_text(text)?),
        },
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "checked: integral and within 64 bits")]
fn integral(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() <= 18_446_744_073_709_551_615.0).then_some(value as i128)
}

/// A number as JSON spells it, so neither `inf` nor `+1` nor blanks.
fn number_text(text: &str) -> Option<f64> {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).then_some(())?;
    serde_json::from_str(text).ok()
}

fn float(node: &Node) -> Option<f64> {
    match node {
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is what the sender gets")]
        Node::Unsigned(value) => Some(*value as f64),
        #[expect(clippy::cast_precision_loss, reason = "the nearest float is what the sender gets")]
        Node::Negative(value) => Some(*value as f64),
        Node::Float(value) => Some(*value),
        Node::Text(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => number_text(text),
        },
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a float field keeps the nearest float")]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// Either alphabet of base64, padded or not.
fn bytes(node: &Node) -> Option<Vec<u8>> {
    let Node::Text(text) = node else {
        return None;
    };
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    GeneralPurpose::new(&alphabet, config).decode(text).ok()
}

fn wrong(field: &Field, kind: &'static str, node: &Node) -> JsonError {
    let value = match node {
        Node::Null => "null".to_owned(),
        Node::Bool(value) => value.to_string(),
        Node::Unsigned(value) => value.to_string(),
        Node::Negative(value) => value.to_string(),
        Node::Float(value) => value.to_string(),
        Node::Text(text) => format!("{:?}", text.chars().take(SHOWN).collect::<String>()),
        Node::List(_) => "[".to_owned(),
        Node::Object(_) => "{".to_owned(),
    };
    JsonError::Value { kind, field: field.name.clone(), value }
}
