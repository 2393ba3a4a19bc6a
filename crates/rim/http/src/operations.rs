//! The calls below `/auth`, each with its handler, its messages and its words: one table that the router is made from and
//! the description of the API as well (`openapi`), so that neither knows a call the other does not.

mod artifacts;
mod recordings;
mod rooms;

use axum::routing::MethodRouter;
use serde_json::Value;
use wire::json::ProtoJson;
use wire::pnm::StatusCode;
use wire::schema::{Answered, Sent};
use wire::validate::Rules;

use crate::App;

/// A call, always `POST`.
pub(crate) struct Operation {
    /// Its path below `/auth` as callers know it; any case is taken.
    pub(crate) path: &'static str,
    /// Its name in the description, without spaces.
    pub(crate) id: &'static str,
    /// What it does, in a few words.
    pub(crate) summary: &'static str,
    /// What else there is to know, in CommonMark.
    pub(crate) text: &'static str,
    /// Whether a newer call does the same.
    pub(crate) deprecated: bool,
    pub(crate) asked: Asked,
    pub(crate) answer: Answer,
    /// Why it is refused with HTTP 200, besides [`StatusCode::InvalidParameters`] for what breaks the rules.
    pub(crate) refusals: &'static [Refusal],
    pub(crate) route: fn() -> MethodRouter<App>,
}

/// The body of a call.
pub(crate) enum Asked {
    /// A message.
    Message {
        /// Its shape.
        shape: fn() -> Sent,
        /// A body somebody could send.
        example: &'static str,
        /// Whether a body would be accepted as far as its form goes.
        #[cfg(test)]
        is_valid: fn(&str) -> bool,
    },
    /// Signed, and otherwise ignored.
    Nothing,
}

/// A message with rules, and a body somebody could send.
const fn message<M: ProtoJson + Rules>(example: &'static str) -> Asked {
    Asked::Message {
        shape: Sent::of::<M>,
        example,
        #[cfg(test)]
        is_valid: |body| crate::rooms::read::<M>(body.as_bytes()).is_ok(),
    }
}

/// The answer to a call that is carried out.
pub(crate) struct Answer {
    /// Its shape.
    pub(crate) shape: fn() -> Answered,
    /// What stands in it that is not nothing.
    example: &'static str,
    whole: fn(&str) -> Value,
}

/// An answer of which an example says only what is not nothing.
const fn answer<M: ProtoJson>(example: &'static str) -> Answer {
    Answer { shape: Answered::of::<M>, example, whole: whole::<M> }
}

/// The example as it is sent, with every field.
fn whole<M: ProtoJson>(example: &str) -> Value {
    let message: M = wire::json::decode(example.as_bytes()).expect("the examples are messages; a test reads them all");
    serde_json::from_str(&wire::json::encode(&message)).expect("what we encode is JSON")
}

impl Answer {
    /// An answer as it is sent.
    pub(crate) fn example(&self) -> Value {
        (self.whole)(self.example)
    }
}

/// A reason for a refusal: its code, what is said, and when.
pub(crate) struct Refusal {
    pub(crate) code: StatusCode,
    pub(crate) msg: &'static str,
    pub(crate) when: &'static str,
    /// Whether it comes in the shape of the answer itself rather than in the common one: the fields it then has.
    pub(crate) in_answer: Option<&'static str>,
}

const fn refusal(code: StatusCode, msg: &'static str, when: &'static str) -> Refusal {
    Refusal { code, msg, when, in_answer: None }
}

/// A refusal in the shape of the answer.
const fn within(code: StatusCode, msg: &'static str, when: &'static str, example: &'static str) -> Refusal {
    Refusal { code, msg, when, in_answer: Some(example) }
}

/// Calls of one kind.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    pub(crate) operations: &'static [Operation],
}

/// Every call, in the order in which the description shows them.
pub(crate) const GROUPS: &[Group] = &[rooms::GROUP, recordings::GROUP, artifacts::GROUP, artifacts::ANALYTICS];

pub(crate) fn all() -> impl Iterator<Item = &'static Operation> {
    GROUPS.iter().flat_map(|group| group.operations)
}

impl Operation {
    /// The whole path as callers know it.
    pub(crate) fn full_path(&self) -> String {
        format!("/auth{}", self.path)
    }

    /// The answer in the shape of the answer that such a refusal is.
    pub(crate) fn refused(&self, refusal: &Refusal) -> Option<Value> {
        refusal.in_answer.map(|example| (self.answer.whole)(example))
    }
}
