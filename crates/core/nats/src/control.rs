//! One control line, from bytes to meaning (section 2.4). Operation names are case-insensitive.

use serde::Deserialize;

use crate::limits;

/// How a client broke the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// The line starts with no known operation, or with one only servers use.
    #[error("unknown operation")]
    UnknownOperation,
    /// A known operation with arguments that make no sense.
    #[error("malformed arguments")]
    Arguments,
    /// The line does not end within its limit.
    #[error("control line too long")]
    LineTooLong,
    /// The payload is larger than the announced `max_payload`.
    #[error("payload too large")]
    PayloadTooLarge,
    /// The payload is not followed by a line end.
    #[error("payload without line end")]
    PayloadEnd,
    /// The options of CONNECT are not the expected JSON object.
    #[error("malformed CONNECT")]
    Connect,
    /// A client introduces itself once.
    #[error("second CONNECT")]
    SecondConnect,
}

/// The options of CONNECT the session cares about (section 2.3).
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Connect {
    pub(crate) auth_token: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) headers: bool,
    pub(crate) no_responders: bool,
}

/// A parsed control line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Control {
    Connect(Connect),
    Ping,
    Pong,
    Subscribe { subject: String, sid: String },
    Unsubscribe { sid: String, max: Option<u64> },
    Publish(Head),
}

/// The line of PUB or HPUB; the payload follows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) subject: String,
    pub(crate) reply: Option<String>,
    /// Length of the header block at the beginning of the payload.
    pub(crate) header: usize,
    /// Length of header block and message together.
    pub(crate) total: usize,
}

/// True if the (possibly still incomplete) line is a CONNECT.
pub(crate) fn is_connect(line: &[u8]) -> bool {
    line.get(..7).is_some_and(|name| name.eq_ignore_ascii_case(b"CONNECT"))
}

/// Parses a line without its line end.
pub(crate) fn parse(line: &[u8]) -> Result<Control, ProtocolError> {
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if name.eq_ignore_ascii_case(b"CONNECT") {
        return serde_json::from_slice(rest).map(Control::Connect).map_err(|_| ProtocolError::Connect);
    }
    let rest = std::str::from_utf8(rest).map_err(|_| ProtocolError::Arguments)?;
    if rest.chars().any(|c| c.is_control() && c != '\t') {
        return Err(ProtocolError::Arguments);
    }
    let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
    // One more than any operation takes, so that too many are noticed.
    let words: [Option<&str>; 5] = std::array::from_fn(|_| words.next());

    if name.eq_ignore_ascii_case(b"PING") {
        return bare(words, Control::Ping);
    }
    if name.eq_ignore_ascii_case(b"PONG") {
        return bare(words, Control::Pong);
    }
    if name.eq_ignore_ascii_case(b"SUB") {
        return match words {
            [Some(subject), Some(sid), None, ..] | [Some(subject), Some(_), Some(sid), None, ..] => {
                Ok(Control::Subscribe {
                    subject: subject_within(subject, limits::MAX_SUBSCRIBE_SUBJECT)?,
                    sid: self::sid(sid)?,
                })
            }
            _ => Err(ProtocolError::Arguments),
        };
    }
    if name.eq_ignore_ascii_case(b"UNSUB") {
        return match words {
            [Some(sid), max, None, ..] => {
                let max = max.map(number).transpose()?.filter(|max| *max > 0);
                Ok(Control::Unsubscribe { sid: self::sid(sid)?, max })
            }
            _ => Err(ProtocolError::Arguments),
        };
    }
    if name.eq_ignore_ascii_case(b"PUB") {
        return match words {
            [Some(subject), Some(total), None, ..] => head(subject, None, "0", total),
            [Some(subject), reply @ Some(_), Some(total), None, ..] => head(subject, reply, "0", total),
            _ => Err(ProtocolError::Arguments),
        };
    }
    if name.eq_ignore_ascii_case(b"HPUB") {
        return match words {
            [Some(subject), Some(header), Some(total), None, ..] => head(subject, None, header, total),
            [Some(subject), reply @ Some(_), Some(header), Some(total), None] => head(subject, reply, header, total),
            _ => Err(ProtocolError::Arguments),
        };
    }
    Err(ProtocolError::UnknownOperation)
}

fn bare(words: [Option<&str>; 5], control: Control) -> Result<Control, ProtocolError> {
    if words[0].is_none() { Ok(control) } else { Err(ProtocolError::Arguments) }
}

fn head(subject: &str, reply: Option<&str>, header: &str, total: &str) -> Result<Control, ProtocolError> {
    let header = usize::try_from(number(header)?).map_err(|_| ProtocolError::Arguments)?;
    let total = usize::try_from(number(total)?).map_err(|_| ProtocolError::PayloadTooLarge)?;
    if header > total {
        return Err(ProtocolError::Arguments);
    }
    let subject = subject_within(subject, limits::MAX_PUBLISH_SUBJECT)?;
    let reply = reply.map(|reply| subject_within(reply, limits::MAX_PUBLISH_SUBJECT)).transpose()?;
    Ok(Control::Publish(Head { subject, reply, header, total }))
}

fn subject_within(subject: &str, limit: usize) -> Result<String, ProtocolError> {
    if subject.len() > limit { Err(ProtocolError::Arguments) } else { Ok(subject.to_owned()) }
}

fn sid(word: &str) -> Result<String, ProtocolError> {
    if word.len() > limits::MAX_SID || !word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(ProtocolError::Arguments);
    }
    Ok(word.to_owned())
}

/// A decimal number of at most 15 digits (section 2.4).
fn number(word: &str) -> Result<u64, ProtocolError> {
    if word.len() > 15 || !word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ProtocolError::Arguments);
    }
    word.parse().map_err(|_| ProtocolError::Arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(subject: &str, reply: Option<&str>, header: usize, total: usize) -> Control {
        Control::Publish(Head { subject: subject.to_owned(), reply: reply.map(str::to_owned), header, total })
    }

    #[test]
    fn every_operation_is_understood_in_any_case() {
        assert_eq!(parse(b"ping"), Ok(Control::Ping));
        assert_eq!(parse(b"PONG "), Ok(Control::Pong));
        assert_eq!(parse(b"Sub chat.r 3"), Ok(Control::Subscribe { subject: "chat.r".into(), sid: "3".into() }));
        assert_eq!(parse(b"SUB chat.r queue 3"), Ok(Control::Subscribe { subject: "chat.r".into(), sid: "3".into() }));
        assert_eq!(parse(b"UNSUB 3"), Ok(Control::Unsubscribe { sid: "3".into(), max: None }));
        assert_eq!(parse(b"UNSUB 3 5"), Ok(Control::Unsubscribe { sid: "3".into(), max: Some(5) }));
        assert_eq!(parse(b"PUB a 5"), Ok(publish("a", None, 0, 5)));
        assert_eq!(parse(b"PUB a  b\t5"), Ok(publish("a", Some("b"), 0, 5)));
        assert_eq!(parse(b"HPUB a 0 3"), Ok(publish("a", None, 0, 3)));
        assert_eq!(parse(b"hpub a b 12 15"), Ok(publish("a", Some("b"), 12, 15)));
    }

    #[test]
    fn connect_takes_what_it_knows_and_ignores_the_rest() {
        let line =
            br#"CONNECT {"echo":false,"no_responders":true,"protocol":1,"auth_token":"t","name":"n","headers":true}"#;
        let expected =
            Connect { auth_token: Some("t".into()), name: Some("n".into()), headers: true, no_responders: true };
        assert_eq!(parse(line), Ok(Control::Connect(expected)));
        assert_eq!(parse(b"connect {}"), Ok(Control::Connect(Connect::default())));
        for bad in [&b"CONNECT"[..], b"CONNECT x", b"CONNECT {", b"CONNECT {} {}", b"CONNECT {\"name\":7}"] {
            assert_eq!(parse(bad), Err(ProtocolError::Connect));
        }
    }

    #[test]
    fn malformed_lines_are_errors() {
        for line in [
            "PING 1",
            "SUB",
            "SUB a",
            "SUB a b c d",
            "SUB a b.c",
            "SUB a 123456789012345678901",
            "UNSUB",
            "UNSUB 1 x",
            "UNSUB 1 2 3",
            "PUB",
            "PUB a",
            "PUB a -1",
            "PUB a 1234567890123456",
            "PUB a b c 1",
            "HPUB a 5",
            "HPUB a 5 4",
            "HPUB a b 1 2 3",
            "PUB a\rb 1",
        ] {
            assert_eq!(parse(line.as_bytes()), Err(ProtocolError::Arguments), "{line}");
        }
        for line in ["", "INFO {}", "+OK", "-ERR 'x'", "MSG a 1 0", "GET / HTTP/1.1"] {
            assert_eq!(parse(line.as_bytes()), Err(ProtocolError::UnknownOperation), "{line}");
        }
        assert_eq!(parse(b"SUB \xff 1"), Err(ProtocolError::Arguments));
    }

    #[test]
    fn overlong_subjects_are_errors() {
        let long = "a".repeat(limits::MAX_SUBSCRIBE_SUBJECT + 1);
        assert_eq!(parse(format!("SUB {long} 1").as_bytes()), Err(ProtocolError::Arguments));
        assert!(parse(format!("PUB {long} 1").as_bytes()).is_ok());
        let longer = "a".repeat(limits::MAX_PUBLISH_SUBJECT + 1);
        assert_eq!(parse(format!("PUB a {longer} 1").as_bytes()), Err(ProtocolError::Arguments));
    }
}
