//! From the binary form of messages to JSON.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use prost::encoding::{WireType, decode_key, decode_varint};
use prost_reflect::EnumDescriptor;

use super::shape::{Field, Many, Shape, Type};

/// How fields are named, and what happens to those that are not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Declared names, and everything.
    Full,
    /// Declared names, and what is set.
    Sparse,
    /// Protobuf's own: names in lower camel case, and what is set.
    Camel,
}

/// The message as one line, fields in declaration order, maps sorted by key. `bytes` is what a message of that shape
/// wrote of itself.
pub(super) fn to_string(shape: &Shape, bytes: &[u8], form: Form) -> String {
    // Names make it a few times longer.
    let mut out = String::with_capacity(512.max(3 * bytes.len()));
    object(&mut out, shape, bytes, form);
    out
}

/// One occurrence of a field.
#[derive(Clone, Copy)]
struct Piece<'b> {
    number: u32,
    raw: Raw<'b>,
}

#[derive(Clone, Copy)]
enum Raw<'b> {
    Varint(u64),
    Fixed32([u8; 4]),
    Fixed64([u8; 8]),
    Bytes(&'b [u8]),
}

/// Takes a message apart, fields by number and, within one field, in the order they occur.
fn pieces(mut bytes: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::with_capacity(16);
    while let Some(piece) = next(&mut bytes) {
        pieces.push(piece);
    }
    if !pieces.is_sorted_by_key(|piece| piece.number) {
        pieces.sort_by_key(|piece| piece.number);
    }
    pieces
}

/// `None` at the end, and for what no message of ours wrote.
fn next<'b>(bytes: &mut &'b [u8]) -> Option<Piece<'b>> {
    if bytes.is_empty() {
        return None;
    }
    let (number, kind) = decode_key(bytes).ok()?;
    let raw = match kind {
        WireType::Varint => Raw::Varint(decode_varint(bytes).ok()?),
        WireType::ThirtyTwoBit => Raw::Fixed32(take(bytes)?),
        WireType::SixtyFourBit => Raw::Fixed64(take(bytes)?),
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(bytes).ok()?).ok()?;
            let (content, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            Raw::Bytes(content)
        }
        WireType::StartGroup | WireType::EndGroup => return None,
    };
    Some(Piece { number, raw })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

/// The occurrences of one field.
fn of_field<'p, 'b>(pieces: &'p [Piece<'b>], number: u32) -> &'p [Piece<'b>] {
    let begin = pieces.partition_point(|piece| piece.number < number);
    let length = pieces[begin..].partition_point(|piece| piece.number == number);
    &pieces[begin..begin + length]
}

fn object(out: &mut String, shape: &Shape, bytes: &[u8], form: Form) {
    let pieces = pieces(bytes);
    out.push('{');
    let mut first = true;
    for field in &shape.fields {
        let set = of_field(&pieces, field.number);
        let null = set.is_empty() && field.is_plain_message();
        if set.is_empty() && (form != Form::Full || (field.has_presence && !null)) {
            continue;
        }
        if !first {
            out.push(',');
        }
        first = false;
        out.push_str(if form == Form::Camel { &field.camel_key } else { &field.key });
        match field.many {
            _ if null => out.push_str("null"),
            Many::One => single(out, field, set.last().map(|piece| piece.raw), form),
            Many::List => list(out, field, set, form),
            Many::Map => map(out, field, set, form),
        }
    }
    out.push('}');
}

fn list(out: &mut String, field: &Field, set: &[Piece<'_>], form: Form) {
    out.push('[');
    let mut first = true;
    let mut item = |raw| {
        if !first {
            out.push(',');
        }
        first = false;
        single(out, field, Some(raw), form);
    };
    for piece in set {
        match piece.raw {
            // Numbers of a list travel in one piece.
            Raw::Bytes(mut packed) if field.value.is_number() => {
                while let Some(raw) = unpacked(&field.value, &mut packed) {
                    item(raw);
                }
            }
            raw => item(raw),
        }
    }
    out.push(']');
}

fn unpacked<'b>(value: &Type, packed: &mut &'b [u8]) -> Option<Raw<'b>> {
    if packed.is_empty() {
        return None;
    }
    match value {
        Type::Float | Type::Fixed32 | Type::Sfixed32 => take(packed).map(Raw::Fixed32),
        Type::Double | Type::Fixed64 | Type::Sfixed64 => take(packed).map(Raw::Fixed64),
        _ => decode_varint(packed).ok().map(Raw::Varint),
    }
}

/// What a map is sorted by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'b> {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Text(&'b str),
}

fn map(out: &mut String, field: &Field, set: &[Piece<'_>], form: Form) {
    let Type::Message(entry) = &field.value else {
        return out.push_str("{}");
    };
    let (Some(key_field), Some(value_field)) = (entry.shape().named("key"), entry.shape().named("value")) else {
        return out.push_str("{}");
    };
    let mut entries: Vec<_> = set
        .iter()
        .filter_map(|piece| {
            let Raw::Bytes(bytes) = piece.raw else { return None };
            let pieces = pieces(bytes);
            let raw = |field: &Field| of_field(&pieces, field.number).last().map(|piece| piece.raw);
            Some((key(key_field, raw(key_field)), raw(value_field)))
        })
        .collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    out.push('{');
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        match key {
            Key::Bool(key) => quoted(out, &key),
            Key::Signed(key) => quoted(out, &key),
            Key::Unsigned(key) => quoted(out, &key),
            Key::Text(key) => text(out, key),
        }
        out.push(':');
        single(out, value_field, value, form);
    }
    out.push('}');
}

fn key<'b>(field: &Field, raw: Option<Raw<'b>>) -> Key<'b> {
    match &field.value {
        Type::Bool => Key::Bool(varint(raw) != 0),
        Type::Int32 | Type::Int64 | Type::Sint32 | Type::Sint64 | Type::Sfixed32 | Type::Sfixed64 => {
            Key::Signed(signed(&field.value, raw))
        }
        Type::Uint32 | Type::Uint64 | Type::Fixed32 | Type::Fixed64 => Key::Unsigned(unsigned(raw)),
        _ => Key::Text(as_text(raw)),
    }
}

/// One value; `None` is the zero of its type.
fn single(out: &mut String, field: &Field, raw: Option<Raw<'_>>, form: Form) {
    match &field.value {
        Type::Bool => out.push_str(if varint(raw) == 0 { "false" } else { "true" }),
        Type::Int32 | Type::Sint32 | Type::Sfixed32 => put(out, &signed(&field.value, raw)),
        Type::Int64 | Type::Sint64 | Type::Sfixed64 => quoted(out, &signed(&field.value, raw)),
        Type::Uint32 | Type::Fixed32 => put(out, &unsigned(raw)),
        Type::Uint64 | Type::Fixed64 => quoted(out, &unsigned(raw)),
        Type::Float => {
            let value = if let Some(Raw::Fixed32(bytes)) = raw { f32::from_le_bytes(bytes) } else { 0.0 };
            if value.is_finite() { put(out, &value) } else { not_finite(out, f64::from(value)) }
        }
        Type::Double => {
            let value = if let Some(Raw::Fixed64(bytes)) = raw { f64::from_le_bytes(bytes) } else { 0.0 };
            if value.is_finite() { put(out, &value) } else { not_finite(out, value) }
        }
        Type::Text => text(out, as_text(raw)),
        Type::Bytes => text(out, &BASE64_STANDARD.encode(as_bytes(raw))),
        Type::Enum(names) => enum_value(out, names, signed(&Type::Int32, raw)),
        Type::Message(link) => object(out, link.shape(), as_bytes(raw), form),
    }
}

fn varint(raw: Option<Raw<'_>>) -> u64 {
    if let Some(Raw::Varint(value)) = raw { value } else { 0 }
}

fn signed(value: &Type, raw: Option<Raw<'_>>) -> i64 {
    match raw {
        Some(Raw::Varint(number)) if matches!(value, Type::Sint32 | Type::Sint64) => {
            (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
        }
        Some(Raw::Varint(number)) => number.cast_signed(),
        Some(Raw::Fixed32(bytes)) => i32::from_le_bytes(bytes).into(),
        Some(Raw::Fixed64(bytes)) => i64::from_le_bytes(bytes),
        Some(Raw::Bytes(_)) | None => 0,
    }
}

fn unsigned(raw: Option<Raw<'_>>) -> u64 {
    match raw {
        Some(Raw::Varint(number)) => number,
        Some(Raw::Fixed32(bytes)) => u32::from_le_bytes(bytes).into(),
        Some(Raw::Fixed64(bytes)) => u64::from_le_bytes(bytes),
        Some(Raw::Bytes(_)) | None => 0,
    }
}

fn as_bytes(raw: Option<Raw<'_>>) -> &[u8] {
    if let Some(Raw::Bytes(bytes)) = raw { bytes } else { &[] }
}

fn as_text(raw: Option<Raw<'_>>) -> &str {
    std::str::from_utf8(as_bytes(raw)).expect("a String wrote it")
}

fn enum_value(out: &mut String, names: &EnumDescriptor, number: i64) {
    match i32::try_from(number).ok().and_then(|number| names.get_value(number)) {
        Some(value) => text(out, value.name()),
        None => put(out, &number),
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
    out.reserve(value.len() + 2);
    out.push('"');
    // Most of a text is plain, names always are.
    let mut plain_from = 0;
    for (at, byte) in value.bytes().enumerate() {
        if byte < b' ' || byte == b'"' || byte == b'\\' {
            out.push_str(&value[plain_from..at]);
            escape(out, byte);
            plain_from = at + 1;
        }
    }
    out.push_str(&value[plain_from..]);
    out.push('"');
}

/// One character that JSON has another spelling for; all of them are ASCII.
fn escape(out: &mut String, byte: u8) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        0x08 => out.push_str("\\b"),
        0x0c => out.push_str("\\f"),
        _ => write!(out, "\\u{byte:04x}").expect("a String takes everything"),
    }
}
