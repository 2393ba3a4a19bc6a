//! Learning Tools Interoperability, the parts without a clock or a network: signed launches of LTI 1.0 and 1.1, what
//! they ask for, and the messages of LTI 1.3 (http-api.md section 6).
//!
//! Everything here comes out of a browser that a learning platform sent, so lengths are cut, odd ids are hashed and
//! what cannot be read is left out.

mod form;
mod launch;
mod message;
mod oauth;
mod parameters;

use std::fmt::Write;

use sha1::{Digest, Sha1};

pub use form::Form;
pub use launch::Launch;
pub use message::{
    Audience, DeepLinking, Expected, IdToken, LinkChoice, Message, MessageError, Registration, ToolAddresses,
    deep_linking_response, dynamic_registration,
};
pub use oauth::{base_string, sign, verify};
pub use parameters::{LtiDesign, LtiParameters};

/// Lowercase hexadecimal SHA-1, which is how the reference makes ids of what a platform says.
pub(crate) fn sha1_hex(text: &[u8]) -> String {
    let mut digits = String::with_capacity(40);
    for byte in Sha1::digest(text) {
        write!(digits, "{byte:02x}").expect("a String takes everything");
    }
    digits
}

/// What somebody typed on a platform, without control characters and blanks around, cut to `most` characters.
fn clean(text: &str, most: usize) -> String {
    let kept: String = text.chars().filter(|c| !c.is_control()).collect();
    kept.trim().chars().take(most).collect()
}
