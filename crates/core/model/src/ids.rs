//! Identifiers, checked once at the door.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Longest room or user id we keep, in bytes (divergence register D-38: the reference's columns hold 64).
pub(crate) const MAX_ID_LENGTH: usize = 64;

/// Why a string is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Empty, or a character outside `A-Z a-z 0-9 - _`.
    #[error("an id holds only ASCII letters, digits, '-' and '_'")]
    Characters,
    /// Longer than 64 characters.
    #[error("an id has at most {MAX_ID_LENGTH} characters")]
    Length,
}

/// Longest id the house makes itself: a breakout room is `<parent>-<given>`, a native twin `<user>-native`.
const MAX_DERIVED_LENGTH: usize = 2 * MAX_ID_LENGTH + 1;

/// Longest identity, in bytes, as LiveKit has it (`max_participant_identity_length`).
const MAX_IDENTITY_LENGTH: usize = 256;

/// A string that is no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an identity has 1 to {MAX_IDENTITY_LENGTH} bytes, and no control characters")]
pub struct IdentityError;

fn check_identity(text: &str) -> Result<(), IdentityError> {
    let fits = (1..=MAX_IDENTITY_LENGTH).contains(&text.len()) && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(IdentityError) }
}

fn check(text: &str, limit: usize) -> Result<(), IdError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err(IdError::Characters);
    }
    if text.len() > limit { Err(IdError::Length) } else { Ok(()) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $limit:expr) => {
        id!($(#[$doc])* $name: IdError, |text| check(text, $limit));
    };
    ($(#[$doc:meta])* $name:ident: $error:ty, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $error;

            fn try_from(text: &str) -> Result<Self, $error> {
                let check: fn(&str) -> Result<(), $error> = $check;
                check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(input)?;
                Self::try_from(text.as_ref()).map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id! {
    /// A room, as the application that created it calls it. Reusable once a session is over.
    RoomId, MAX_DERIVED_LENGTH
}

id! {
    /// One life of a room: a UUID made at creation (`sid`, `room_sid` on the wire).
    SessionId, MAX_ID_LENGTH
}

id! {
    /// Who is in the meeting. A person who reconnects keeps it; two rooms may reuse it. Only `A-Z a-z 0-9 - _`,
    /// because an id becomes a token of a bus subject.
    UserId, MAX_ID_LENGTH
}

id! {
    /// A participant of the media plane: a user id, a twin of one (`<user>-native`), or in a room without a meeting whatever an
    /// application calls people, an address of theirs for instance: 1 to 256 bytes without control characters. It is text to show
    /// and to compare, never a part of a path, a subject or a query.
    Identity: IdentityError, check_identity
}

/// How the second connection of a hybrid client is called after its owner (http-api.md section 1.4): it publishes what the
/// owner's own connection does not.
pub const NATIVE_SUFFIX: &str = "-native";

impl Identity {
    /// The native twin of this one; a twin has none, nor has a name that is too long for it.
    #[must_use]
    pub fn twin(&self) -> Option<Self> {
        if self.twin_of().is_some() {
            return None;
        }
        Self::try_from(format!("{self}{NATIVE_SUFFIX}").as_str()).ok()
    }

    /// Whose native twin this is, if it is one.
    #[must_use]
    pub fn twin_of(&self) -> Option<Self> {
        Self::try_from(self.0.strip_suffix(NATIVE_SUFFIX)?).ok()
    }
}

impl From<&UserId> for Identity {
    fn from(user: &UserId) -> Self {
        Self(user.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_subject_token() {
        assert!(RoomId::try_from("Room-01_x").is_ok());
        for bad in ["", "a b", "a.b", "a*", ">", "ü", "a/b", "a\0"] {
            assert_eq!(RoomId::try_from(bad).unwrap_err(), IdError::Characters, "{bad:?}");
        }
    }

    #[test]
    fn an_identity_is_what_applications_call_people() {
        for good in ["ann", "ann@example.org", "user:1", "Ann Smith", "sip_+4930123", "Zoë", &"x".repeat(256)] {
            assert_eq!(Identity::try_from(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\n", "a\0", "\u{85}", &"x".repeat(257)] {
            assert_eq!(Identity::try_from(bad), Err(IdentityError), "{bad:?}");
        }
    }

    #[test]
    fn a_twin_is_called_after_its_owner_and_has_none_itself() {
        let ann = Identity::try_from("ann").unwrap();
        let twin = ann.twin().unwrap();
        assert_eq!((twin.as_str(), twin.twin(), twin.twin_of()), ("ann-native", None, Some(ann.clone())));
        assert_eq!((ann.twin_of(), Identity::try_from("-native").unwrap().twin_of()), (None, None));
        assert_eq!(Identity::try_from("x".repeat(250).as_str()).unwrap().twin(), None);
    }

    #[test]
    fn an_id_is_bounded() {
        assert!(UserId::try_from("x".repeat(64).as_str()).is_ok());
        assert_eq!(UserId::try_from("x".repeat(65).as_str()).unwrap_err(), IdError::Length);
    }
}
