//! The signature of an LTI 1.1 launch: OAuth 1.0 with HMAC-SHA1 and no token (RFC 5849 section 3.4).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::Form;

/// The text that is signed. `url` is scheme, host, port and path; its query is not part of it, because every parameter
/// of a launch is in the body.
pub fn base_string(url: &str, form: &Form) -> String {
    let mut parameters: Vec<(String, String)> = form
        .items()
        .filter(|(name, _)| *name != b"oauth_signature")
        .map(|(name, value)| (encoded(name), encoded(value)))
        .collect();
    parameters.sort_unstable();
    let parameters: Vec<_> = parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let url = normal_url(url);
    format!("POST&{}&{}", encoded(url.as_bytes()), encoded(parameters.join("&").as_bytes()))
}

/// The signature of a base string, in base64.
pub fn sign(secret: &str, base: &str) -> String {
    BASE64_STANDARD.encode(keyed(secret, base).finalize().into_bytes())
}

/// Whether the form's `oauth_signature` is the one of the form sent to `url`. Takes the same time wherever they differ.
pub fn verify(secret: &str, url: &str, form: &Form) -> bool {
    let is_ours = form.text("oauth_signature_method") == "HMAC-SHA1"
        && form.get("oauth_version").is_none_or(|version| version == "1.0");
    let Ok(signature) = BASE64_STANDARD.decode(form.text("oauth_signature").as_bytes()) else { return false };
    is_ours && keyed(secret, &base_string(url, form)).verify_slice(&signature).is_ok()
}

fn keyed(secret: &str, base: &str) -> Hmac<Sha1> {
    let key = format!("{}&", encoded(secret.as_bytes()));
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(base.as_bytes());
    mac
}

/// Scheme and host in lower case, without the scheme's own port (section 3.4.1.2).
fn normal_url(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let at = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    let own_port = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(own_port).unwrap_or(&host);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}{}", if path.is_empty() { "/" } else { path })
}

/// Percent-encoding as section 3.6 has it.
fn encoded(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(*byte));
        } else {
            text.push('%');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published sample secret every vector of http-api.md section 14 is made with.
    const SECRET: &str = "zumyyYWqv7KR2kUqvYdq4z4sXg7XTBD2ljT6";

    /// http-api.md section 14.8.
    const BODY: &str = "lti_message_type=basic-lti-launch-request&lti_version=LTI-1p0&resource_link_id=res1\
        &context_id=ctx1&context_label=Course+101&tool_consumer_instance_guid=lms.example.com&user_id=42\
        &roles=Instructor&lis_person_name_full=Ada+L&oauth_consumer_key=plugnmeet&oauth_nonce=abc123\
        &oauth_timestamp=1700000000&oauth_version=1.0&oauth_signature_method=HMAC-SHA1\
        &oauth_signature=E6c8Lq%2FkiUNw3fYZOa0C75DTKok%3D";
    const URL: &str = "https://pnm.example.com/lti/v1";
    const BASE: &str = "POST&https%3A%2F%2Fpnm.example.com%2Flti%2Fv1&context_id%3Dctx1%26context_label%3DCourse%2520101\
        %26lis_person_name_full%3DAda%2520L%26lti_message_type%3Dbasic-lti-launch-request%26lti_version%3DLTI-1p0\
        %26oauth_consumer_key%3Dplugnmeet%26oauth_nonce%3Dabc123%26oauth_signature_method%3DHMAC-SHA1\
        %26oauth_timestamp%3D1700000000%26oauth_version%3D1.0%26resource_link_id%3Dres1%26roles%3DInstructor\
        %26tool_consumer_instance_guid%3Dlms.example.com%26user_id%3D42";

    fn form(body: &str) -> Form {
        Form::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn the_base_string_and_its_signature_are_the_references() {
        let form = form(BODY);
        assert_eq!(base_string(URL, &form), BASE);
        assert_eq!(sign(SECRET, BASE), "E6c8Lq/kiUNw3fYZOa0C75DTKok=");
        assert!(verify(SECRET, URL, &form));
    }

    #[test]
    fn a_launch_that_was_touched_or_meant_for_somebody_else_is_refused() {
        for (from, to) in [
            ("user_id=42", "user_id=43"),
            ("roles=Instructor", "roles=Instructor&extra"),
            ("oauth_signature=E6c8", "oauth_signature=E6c9"),
            ("&oauth_signature=E6c8Lq%2FkiUNw3fYZOa0C75DTKok%3D", ""),
            ("oauth_signature=E6c8Lq%2FkiUNw3fYZOa0C75DTKok%3D", "oauth_signature=%FF%FF"),
        ] {
            let touched = BODY.replace(from, to);
            assert_ne!(touched, BODY);
            assert!(!verify(SECRET, URL, &form(&touched)), "{to}");
        }
        assert!(!verify("other", URL, &form(BODY)));
        assert!(!verify(SECRET, "https://pnm.example.com/lti", &form(BODY)));
    }

    #[test]
    fn only_hmac_sha1_is_taken_at_its_word() {
        let signed = |from: &str, to: &str| {
            let (fields, _) = BODY.split_once("&oauth_signature=").unwrap();
            let fields = fields.replace(from, to);
            let signature = sign(SECRET, &base_string(URL, &form(&fields))).replace('+', "%2B");
            form(&format!("{fields}&oauth_signature={signature}"))
        };
        assert!(verify(SECRET, URL, &signed("", "")));
        assert!(verify(SECRET, URL, &signed("&oauth_version=1.0", "")));
        for (from, to) in [("method=HMAC-SHA1", "method=PLAINTEXT"), ("oauth_version=1.0", "oauth_version=2.0")] {
            assert!(!verify(SECRET, URL, &signed(from, to)), "{to}");
        }
    }

    #[test]
    fn addresses_are_compared_in_their_normal_form() {
        for (written, normal) in [
            ("HTTPS://Pnm.Example.com:443/lti/v1", "https://pnm.example.com/lti/v1"),
            ("http://h:80/LTI/v1/", "http://h/LTI/v1/"),
            ("http://h:8080/lti/v1?x=1", "http://h:8080/lti/v1"),
            ("https://h", "https://h/"),
        ] {
            assert_eq!(normal_url(written), normal);
        }
    }

    #[test]
    fn parameters_of_the_same_name_are_sorted_by_value() {
        let base = base_string(URL, &form("b=2&a=%C3%A9&b=1&c"));
        assert!(base.ends_with("&a%3D%25C3%25A9%26b%3D1%26b%3D2%26c%3D"), "{base}");
    }
}
