//! BigBlueButton's server API as plain values: the checksum of a call, its parameters, the room they describe, the XML
//! it is answered with (http-api.md section 7).
//!
//! Callers of that API know meetings by ids of any shape and flags by other names. Everything that translates is here;
//! nothing here decides who may do what.

mod checksum;
mod create;
mod modules;
mod params;
mod xml;

use md5::{Digest, Md5};

use crate::validate::MAX_ID_LENGTH;

pub use checksum::is_signed;
pub use create::{CreateRejected, EXTRA_KEY, Extra, create};
pub use modules::{ModulesError, last_document};
pub use params::{MAX_BYTES, Params, Unreadable};
pub use xml::Xml;

/// The room a meeting is held in: ids that a room can have stay as they are, all others are replaced by their MD5. An
/// empty id stays empty, and is refused where a room is made.
pub fn room_id(meeting_id: &str) -> String {
    let fits = meeting_id.len() <= MAX_ID_LENGTH
        && meeting_id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if fits { meeting_id.to_owned() } else { hex(&Md5::digest(meeting_id)) }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

#[cfg(test)]
mod tests;
