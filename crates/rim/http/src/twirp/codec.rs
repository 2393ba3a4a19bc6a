//! Requests and answers in the two encodings of Twirp.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prost::Message;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wire::json::ProtoJson;

use super::{Code, TwirpError};
use crate::body::Large;

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

    /// Reads a request, whose bytes and whose turn end here. In JSON, names in either spelling and what is `null` or unknown are
    /// taken as protobuf's JSON wants.
    pub(super) fn read<M: Message + Default + DeserializeOwned>(self, body: Large) -> Result<M, TwirpError> {
        let malformed = |msg| TwirpError::new(Code::Malformed, msg);
        match self {
            Self::Protobuf => {
                M::decode(body.bytes()).map_err(|_| malformed("the protobuf request could not be decoded"))
            }
            Self::Json => {
                let malformed = || malformed("the json request could not be decoded");
                let mut value: Value = serde_json::from_slice(body.bytes()).map_err(|_| malformed())?;
                normalize(&mut value);
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

/// Largest whole number that every smaller one is told apart from in a `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// In protobuf's JSON `null` is the same as nothing, and a whole number may be written as `61.0` or `6.1e1`.
fn normalize(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(normalize);
        }
        Value::Array(items) => items.iter_mut().for_each(normalize),
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT);
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
            if let Some(whole) = whole {
                *number = (whole as i64).into();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use wire::lk;

    use super::*;
    use crate::body::{Turns, read_large};

    #[tokio::test(start_paused = true)]
    async fn a_large_request_gives_its_turn_back_once_it_is_decoded() {
        static ONE: Turns = Turns::new(1);
        let request = lk::SendDataRequest { data: vec![0; 2 << 20], ..lk::SendDataRequest::default() };
        let json = format!(r#"{{"data":"{}"}}"#, "AAAA".repeat(512 << 10)).into_bytes();

        for (encoding, content) in [(Encoding::Protobuf, request.encode_to_vec()), (Encoding::Json, json)] {
            let body = read_large(Body::from(content), 4 << 20, &ONE).await.map_err(drop).unwrap();
            let _read: lk::SendDataRequest = encoding.read(body).unwrap();
            assert!(ONE.next().await.is_ok());
        }
    }
}
