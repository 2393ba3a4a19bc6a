//! Requests and answers in the two encodings of Twirp.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wire::json::ProtoJson;

use super::{Code, TwirpError};

/// How a call and its answer are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Json,
    Protobuf,
}

impl Encoding {
    /// By the content type, whose parameters do not matter.
    pub(super) fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/json" => Some(Self::Json),
            "application/protobuf" => Some(Self::Protobuf),
            _ => None,
        }
    }

    /// Reads a request. In JSON, names in either spelling and what is `null` or unknown are taken as protobuf's JSON wants.
    pub(super) fn read<M: Message + Default + DeserializeOwned>(self, body: &[u8]) -> Result<M, TwirpError> {
        let malformed = |msg| TwirpError::new(Code::Malformed, msg);
        match self {
            Self::Protobuf => M::decode(body).map_err(|_| malformed("the protobuf request could not be decoded")),
            Self::Json => {
                let malformed = || malformed("the json request could not be decoded");
                let mut value: Value = serde_json::from_slice(body).map_err(|_| malformed())?;
                without_nulls(&mut value);
                serde_json::from_value(value).map_err(|_| malformed())
            }
        }
    }

    /// Writes an answer; in JSON with declared names and with what is not set, as LiveKit does.
    pub(super) fn write<M: Message + ProtoJson>(self, answer: &M) -> Response {
        match self {
            Self::Protobuf => {
                ([(CONTENT_TYPE, HeaderValue::from_static("application/protobuf"))], answer.encode_to_vec())
                    .into_response()
            }
            Self::Json => ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], wire::json::encode(answer))
                .into_response(),
        }
    }

    /// An answer that holds nothing.
    pub(super) fn empty(self) -> Response {
        let (kind, body) = match self {
            Self::Protobuf => ("application/protobuf", ""),
            Self::Json => ("application/json", "{}"),
        };
        ([(CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
    }
}

/// In protobuf's JSON `null` is the same as nothing.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
