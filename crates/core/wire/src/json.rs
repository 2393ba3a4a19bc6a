//! Protobuf messages as JSON, the way plugNmeet's HTTP API speaks it (http-api.md section 0.3, "profile J").
//!
//! It exists because that dialect is its own: both spellings of a name are read, only the declared one is written, what
//! is not set is written too, and callers depend on exactly which fields are `null`, empty or missing. The walk follows
//! the descriptors, so a new message needs no code here; between a message and its JSON stands its binary form.

mod read;
pub(crate) mod shape;
mod tree;
mod write;

use prost_reflect::ReflectMessage;

pub(crate) use read::{field, length_delimited, message, varint};
pub(crate) use tree::Node;

/// Deepest nesting of arrays and objects that is read.
pub const MAX_DEPTH: usize = 32;

/// Largest body that is read, in bytes. Files travel otherwise.
pub const MAX_BODY: usize = 1024 * 1024;

/// Why a body is not the message the endpoint wants. The texts begin with `proto:` as the reference's do; callers
/// cannot match on the rest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON at all, empty, or followed by something else.
    #[error("proto: syntax error {0}")]
    Syntax(String),
    /// More than [`MAX_BODY`].
    #[error("proto: body is larger than {MAX_BODY} bytes")]
    Size,
    /// JSON, but not an object.
    #[error("proto: syntax error (line 1:1): unexpected token, expected an object")]
    NotAnObject,
    /// More than [`MAX_DEPTH`] arrays and objects inside each other.
    #[error("proto: exceeded max recursion depth")]
    Depth,
    /// The same field twice, also once in each spelling.
    #[error("proto: duplicate field {0}")]
    Duplicate(String),
    /// Two members of one choice.
    #[error("proto: error parsing {field}, oneof {choice} is already set")]
    Choice {
        /// The second member.
        field: String,
        /// The choice both belong to.
        choice: String,
    },
    /// A value of another type, or out of range.
    #[error("proto: invalid value for {kind} field {field}: {value}")]
    Value {
        /// The type the field has.
        kind: &'static str,
        /// The declared name of the field.
        field: String,
        /// What was sent, shortened.
        value: String,
    },
}

/// A message of `proto/`: everything generated in [`pnm`](crate::pnm) and [`livekit`](crate::livekit).
pub trait ProtoJson: ReflectMessage + Default {}

impl<M: ReflectMessage + Default> ProtoJson for M {}

/// Reads a message. Unknown fields and unknown enum names are skipped, `null` counts as absent.
///
/// # Errors
/// Everything [`JsonError`] lists; an empty body is a syntax error.
pub fn decode<M: ProtoJson>(body: &[u8]) -> Result<M, JsonError> {
    from_node(&tree::parse(body)?)
}

/// The message a tree describes.
pub(crate) fn from_node<M: ProtoJson>(node: &Node) -> Result<M, JsonError> {
    let mut bytes = Vec::new();
    message(&mut bytes, shape::of(&M::default().descriptor()), node)?;
    M::decode(bytes.as_slice()).map_err(|error| JsonError::Syntax(error.to_string()))
}

/// Writes a message with declared names and with everything that is not set: zero values, `[]`, `{}`, and `null` for a
/// message. Fields with explicit presence and members of a choice are left out while unset. 64-bit numbers are strings.
pub fn encode<M: ProtoJson>(message: &M) -> String {
    write::to_string(shape::of(&message.descriptor()), &message.encode_to_vec(), write::Form::Full)
}

/// Writes a message with declared names and without anything that is not set (webhook bodies).
pub fn encode_sparse<M: ProtoJson>(message: &M) -> String {
    write::to_string(shape::of(&message.descriptor()), &message.encode_to_vec(), write::Form::Sparse)
}

/// Writes a message as protobuf's own JSON: names in lower camel case, nothing that is not set, and enum numbers that have
/// no name as numbers (LiveKit's webhooks).
pub fn encode_camel<M: ProtoJson>(message: &M) -> String {
    write::to_string(shape::of(&message.descriptor()), &message.encode_to_vec(), write::Form::Camel)
}

/// The object in `body` as a tree, for callers that must know what was sent and what was not.
pub(crate) fn parse(body: &[u8]) -> Result<Node, JsonError> {
    tree::parse(body)
}

#[cfg(test)]
mod tests;
