//! What a media client says when it knocks: the `join_request` of newer clients, the query of older ones
//! (media-protocol.md sections 1.3 and 1.4).

use std::collections::HashMap;
use std::io::Read;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::GzDecoder;
use prost::Message;

use crate::{bounds, lk};
use lk::wrapped_join_request::Compression;

/// Most bytes of a join request, before and after decompression.
pub const MAX_BYTES: usize = 1024 * 1024;
/// Most fields of a join request, repetitions counted: tracks to add, their layers, and attributes.
pub const MAX_FIELDS: usize = 8192;
/// Longest value taken from a query, in bytes; `attributes` may have [`MAX_ATTRIBUTES`].
const MAX_VALUE: usize = 256;
/// Longest `attributes` value of a query, in bytes.
const MAX_ATTRIBUTES: usize = 64 * 1024;

/// URL-safe, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a join request is refused (400).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinRequestError {
    /// More than [`MAX_BYTES`], packed or unpacked, or more than [`MAX_FIELDS`].
    #[error("join request is too large")]
    TooLarge,
    /// Not base64, not gzip, or not the protobuf message.
    #[error("join request cannot be decoded")]
    Malformed,
}

/// Unwraps the value of `join_request`. The result is an encoded `JoinRequest` that is known to decode.
///
/// # Errors
/// See [`JoinRequestError`].
pub fn decode(text: &str) -> Result<Vec<u8>, JoinRequestError> {
    if text.len() > MAX_BYTES.div_ceil(3) * 4 {
        return Err(JoinRequestError::TooLarge);
    }
    let wrapped = BASE64.decode(text).map_err(|_| JoinRequestError::Malformed)?;
    let wrapped = lk::WrappedJoinRequest::decode(wrapped.as_slice()).map_err(|_| JoinRequestError::Malformed)?;
    let inner = match Compression::try_from(wrapped.compression) {
        Ok(Compression::None) => wrapped.join_request,
        Ok(Compression::Gzip) => gunzip(&wrapped.join_request)?,
        Err(_) => return Err(JoinRequestError::Malformed),
    };
    if inner.len() > MAX_BYTES {
        return Err(JoinRequestError::TooLarge);
    }
    if !bounds::holds_at_most(MAX_FIELDS, &inner, &bounds::JOIN_REQUEST) {
        // A message of so few bytes cannot have too many parts: it is broken.
        return Err(if inner.len() <= MAX_FIELDS { JoinRequestError::Malformed } else { JoinRequestError::TooLarge });
    }
    lk::JoinRequest::decode(inner.as_slice()).map_err(|_| JoinRequestError::Malformed)?;
    Ok(inner)
}

/// Whether an encoded `JoinRequest` says something of its sender that else only the token says.
pub fn describes_sender(request: &[u8]) -> bool {
    lk::JoinRequest::decode(request)
        .is_ok_and(|request| !request.metadata.is_empty() || !request.participant_attributes.is_empty())
}

fn gunzip(packed: &[u8]) -> Result<Vec<u8>, JoinRequestError> {
    let mut inner = Vec::new();
    let most = u64::try_from(MAX_BYTES).expect("a megabyte fits") + 1;
    GzDecoder::new(packed).take(most).read_to_end(&mut inner).map_err(|_| JoinRequestError::Malformed)?;
    if inner.len() > MAX_BYTES { Err(JoinRequestError::TooLarge) } else { Ok(inner) }
}

/// Builds the join request an older client spells out in its query. `query` holds decoded pairs; unknown names,
/// overlong values and numbers that are none are passed over, as is an `attributes` that cannot be read.
pub fn from_query<'q>(query: impl IntoIterator<Item = (&'q str, &'q str)>) -> lk::JoinRequest {
    let mut client = lk::ClientInfo::default();
    let mut settings = lk::ConnectionSettings { auto_subscribe: true, ..lk::ConnectionSettings::default() };
    let mut request = lk::JoinRequest::default();
    for (name, value) in query {
        let most = if name == "attributes" { MAX_ATTRIBUTES } else { MAX_VALUE };
        if value.len() > most {
            continue;
        }
        match name {
            "protocol" => client.protocol = value.parse().unwrap_or_default(),
            "client_protocol" => client.client_protocol = value.parse().unwrap_or_default(),
            "sdk" => client.sdk = sdk(value).into(),
            "version" => value.clone_into(&mut client.version),
            "os" => value.clone_into(&mut client.os),
            "os_version" => value.clone_into(&mut client.os_version),
            "browser" => value.clone_into(&mut client.browser),
            "browser_version" => value.clone_into(&mut client.browser_version),
            "device_model" => value.clone_into(&mut client.device_model),
            "network" => value.clone_into(&mut client.network),
            "capabilities" => client.capabilities = capabilities(value),
            "auto_subscribe" => settings.auto_subscribe = is_yes(value),
            "adaptive_stream" => settings.adaptive_stream = is_yes(value),
            "subscriber_allow_pause" => settings.subscriber_allow_pause = Some(is_yes(value)),
            "disable_ice_lite" => settings.disable_ice_lite = is_yes(value),
            "auto_subscribe_data_track" => settings.auto_subscribe_data_track = Some(is_yes(value)),
            "reconnect" => request.reconnect = is_yes(value),
            "reconnect_reason" => request.reconnect_reason = value.parse().unwrap_or_default(),
            "sid" => value.clone_into(&mut request.participant_sid),
            "attributes" => request.participant_attributes = attributes(value),
            _ => {}
        }
    }
    request.client_info = Some(client);
    request.connection_settings = Some(settings);
    request
}

fn is_yes(value: &str) -> bool {
    matches!(value, "1" | "true")
}

fn sdk(name: &str) -> lk::client_info::Sdk {
    lk::client_info::Sdk::from_str_name(&name.to_ascii_uppercase()).unwrap_or(lk::client_info::Sdk::Unknown)
}

/// Comma-separated names or numbers.
fn capabilities(list: &str) -> Vec<i32> {
    let named = |item: &str| lk::client_info::Capability::from_str_name(item).map(Into::into);
    list.split(',').filter_map(|item| named(item).or_else(|| item.parse().ok())).collect()
}

fn attributes(value: &str) -> HashMap<String, String> {
    BASE64.decode(value).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression as Level;
    use flate2::write::GzEncoder;

    use super::*;

    fn wrap(compression: Compression, join_request: Vec<u8>) -> String {
        let wrapped = lk::WrappedJoinRequest { compression: compression.into(), join_request };
        base64::prelude::BASE64_URL_SAFE.encode(wrapped.encode_to_vec())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Level::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    fn request() -> Vec<u8> {
        lk::JoinRequest { metadata: "m".into(), participant_sid: "PA_x".into(), ..Default::default() }.encode_to_vec()
    }

    #[test]
    fn plain_and_packed_requests_are_unwrapped_with_and_without_padding() {
        for text in [wrap(Compression::None, request()), wrap(Compression::Gzip, gzip(&request()))] {
            assert_eq!(decode(&text), Ok(request()));
            assert_eq!(decode(text.trim_end_matches('=')), Ok(request()));
        }
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let bomb = wrap(Compression::Gzip, gzip(&vec![0; 64 * MAX_BYTES]));
        assert_eq!(decode(&bomb), Err(JoinRequestError::TooLarge));
        assert_eq!(decode(&"A".repeat(2 * MAX_BYTES)), Err(JoinRequestError::TooLarge));
    }

    #[test]
    fn half_a_million_empty_tracks_are_not_decoded() {
        let tracks = [0x2a, 0].repeat(MAX_BYTES / 2);
        assert_eq!(decode(&wrap(Compression::Gzip, gzip(&tracks))), Err(JoinRequestError::TooLarge));
    }

    #[test]
    fn rubbish_is_refused() {
        let malformed = |text: &str| assert_eq!(decode(text), Err(JoinRequestError::Malformed), "{text:?}");
        malformed("!");
        malformed("____");
        malformed(&wrap(Compression::Gzip, request()));
        malformed(&wrap(Compression::Gzip, gzip(&request())[..12].to_vec()));
        malformed(&wrap(Compression::None, vec![0xff; 9]));
        let wrapped = lk::WrappedJoinRequest { compression: 9, join_request: request() }.encode_to_vec();
        malformed(&base64::prelude::BASE64_URL_SAFE.encode(wrapped));
    }

    #[test]
    fn an_older_clients_query_says_the_same_things() {
        let attributes = base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(r#"{"a":"b"}"#);
        let request = from_query([
            ("access_token", "x"),
            ("protocol", "16"),
            ("sdk", "js"),
            ("version", "2.22.0"),
            ("os", "macOS"),
            ("auto_subscribe", "0"),
            ("adaptive_stream", "1"),
            ("subscriber_allow_pause", "true"),
            ("reconnect", "1"),
            ("sid", "PA_x"),
            ("attributes", attributes.as_str()),
        ]);
        let client = request.client_info.unwrap();
        assert_eq!((client.protocol, client.sdk()), (16, lk::client_info::Sdk::Js));
        assert_eq!((client.version.as_str(), client.os.as_str()), ("2.22.0", "macOS"));
        let settings = request.connection_settings.unwrap();
        assert!(!settings.auto_subscribe && settings.adaptive_stream);
        assert_eq!(settings.subscriber_allow_pause, Some(true));
        assert!(request.reconnect);
        assert_eq!(request.participant_sid, "PA_x");
        assert_eq!(request.participant_attributes, HashMap::from([("a".into(), "b".into())]));
    }

    #[test]
    fn a_bare_query_subscribes_to_everything() {
        let long = "x".repeat(MAX_VALUE + 1);
        let request = from_query([("version", long.as_str()), ("protocol", "x"), ("attributes", "!!")]);
        assert!(request.connection_settings.unwrap().auto_subscribe);
        assert_eq!(request.client_info.unwrap().version, "");
    }
}
