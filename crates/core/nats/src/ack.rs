//! Acknowledgements (section 3.6): the subject names the message, the body says what became of it.

use std::time::Duration;

use serde::Deserialize;

use crate::{Delivery, limits, pull::PullRequest};

/// Beginning of every acknowledgement subject.
pub(crate) const PREFIX: &str = "$JS.ACK.";

/// What a client says about a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ack,
    Nak(Option<Duration>),
    Working,
    Term,
    /// Acknowledges and asks for more.
    Next(Option<PullRequest>),
}

/// The reply subject a delivery carries, given the session's `$JS.ACK.<stream>.<consumer>.`.
pub(crate) fn subject(prefix: &str, delivery: &Delivery) -> String {
    let Delivery { deliveries, stream_seq, consumer_seq, timestamp_ns, pending, .. } = delivery;
    format!("{prefix}{deliveries}.{stream_seq}.{consumer_seq}.{timestamp_ns}.{pending}")
}

/// The stream sequence of an acknowledgement subject, in its form with 9 tokens or with domain and account in front
/// (11 tokens, or 12 with a random one at the end). `None` if malformed or about another consumer.
pub(crate) fn parse_subject(subject: &str, stream: &str, consumer: &str) -> Option<u64> {
    let rest = subject.strip_prefix(PREFIX)?;
    let skip = match rest.split('.').count() {
        7 => 0,
        9 | 10 => 2,
        _ => return None,
    };
    let mut tokens = rest.split('.').skip(skip);
    if tokens.next()? != stream || tokens.next()? != consumer {
        return None;
    }
    let mut numbers = [0; 5];
    for number in &mut numbers {
        let token = tokens.next()?;
        if !token.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = token.parse::<u64>().ok()?;
    }
    let [_deliveries, stream_seq, _consumer_seq, _timestamp, _pending] = numbers;
    Some(stream_seq)
}

/// The body of an acknowledgement; `None` if it is none of the known ones.
pub(crate) fn parse_body(body: &[u8]) -> Option<Verdict> {
    let (word, rest) = match body.iter().position(|byte| *byte == b' ') {
        Some(at) => (&body[..at], body[at..].trim_ascii()),
        None => (body, &[][..]),
    };
    match word {
        b"" | b"+ACK" => Some(Verdict::Ack),
        b"-NAK" => Some(Verdict::Nak(delay(rest))),
        b"+WPI" => Some(Verdict::Working),
        b"+TERM" => Some(Verdict::Term),
        b"+NXT" => Some(Verdict::Next(PullRequest::parse(rest))),
        _ => None,
    }
}

fn delay(body: &[u8]) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Options {
        delay: u64,
    }
    let options: Options = serde_json::from_slice(body).ok()?;
    Some(Duration::from_nanos(options.delay).min(limits::MAX_SPAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_of_the_subject_name_the_same_message() {
        for subject in [
            "$JS.ACK.s.r_u.2.4.3.1795448545569000000.0",
            "$JS.ACK.hub.accounthash.s.r_u.2.4.3.1795448545569000000.0",
            "$JS.ACK._.accounthash.s.r_u.2.4.3.1795448545569000000.0.x7",
        ] {
            assert_eq!(parse_subject(subject, "s", "r_u"), Some(4), "{subject}");
        }
    }

    #[test]
    fn foreign_or_malformed_subjects_are_nothing() {
        for subject in [
            "$JS.ACK.s.r_other.2.4.3.1.0",
            "$JS.ACK.other.r_u.2.4.3.1.0",
            "$JS.ACK.s.r_u.2.4.3.1",
            "$JS.ACK.s.r_u.2.+4.3.1.0",
            "$JS.ACK.s.r_u.2..3.1.0",
            "$JS.ACK.s.r_u.2.99999999999999999999999.3.1.0",
            "$JS.ACK.s.r_u.2.4.3.1.0.1.2.3.4.5",
        ] {
            assert_eq!(parse_subject(subject, "s", "r_u"), None, "{subject}");
        }
    }

    #[test]
    fn bodies_are_understood() {
        assert_eq!(parse_body(b"+ACK"), Some(Verdict::Ack));
        assert_eq!(parse_body(b""), Some(Verdict::Ack));
        assert_eq!(parse_body(b"-NAK"), Some(Verdict::Nak(None)));
        assert_eq!(parse_body(br#"-NAK {"delay":1500000000}"#), Some(Verdict::Nak(Some(Duration::from_millis(1500)))));
        assert_eq!(parse_body(br#"-NAK {"delay":18446744073709551615}"#), Some(Verdict::Nak(Some(limits::MAX_SPAN))));
        assert_eq!(parse_body(b"-NAK {garbage"), Some(Verdict::Nak(None)));
        assert_eq!(parse_body(b"+WPI"), Some(Verdict::Working));
        assert_eq!(parse_body(b"+TERM because"), Some(Verdict::Term));
        assert!(matches!(parse_body(b"+NXT 5"), Some(Verdict::Next(Some(_)))));
        assert_eq!(parse_body(b"hello"), None);
    }
}
