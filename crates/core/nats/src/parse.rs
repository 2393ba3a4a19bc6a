//! From a byte stream cut anywhere to whole operations, holding never more than one of them.

use bytes::Bytes;

use crate::{
    ProtocolError,
    control::{self, Connect, Control, Head},
    limits,
};

/// Largest buffer reserved for a payload before any of it has arrived.
const FIRST_RESERVE: usize = 16 * 1024;

/// A whole operation of a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Connect(Connect),
    Ping,
    Pong,
    Subscribe { subject: String, sid: String },
    Unsubscribe { sid: String, max: Option<u64> },
    Publish(Publication),
}

/// A PUB or HPUB with its payload.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Publication {
    pub(crate) subject: String,
    pub(crate) reply: Option<String>,
    /// The message without its header block; `None` if it was larger than its subject allows and has been skipped.
    pub(crate) payload: Option<Bytes>,
}

/// The parser of one connection. After an error it must not be used again.
#[derive(Debug)]
pub(crate) struct Parser {
    max_payload: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Line(Vec<u8>),
    Payload {
        head: Head,
        collected: Vec<u8>,
    },
    Skip {
        head: Head,
        left: usize,
    },
    /// The line end after a payload; `return_seen` once its first half is there.
    End {
        head: Head,
        payload: Option<Bytes>,
        return_seen: bool,
    },
}

impl Parser {
    pub(crate) fn new(max_payload: usize) -> Self {
        Self { max_payload, state: State::Line(Vec::new()) }
    }

    /// Takes bytes off the front of `input` up to the end of one operation. `None` means all of it was taken and more
    /// is needed. `cap` is the largest payload a subject takes.
    pub(crate) fn next(&mut self, input: &mut &[u8], cap: impl Fn(&str) -> usize) -> Result<Option<Op>, ProtocolError> {
        while !input.is_empty() {
            match std::mem::replace(&mut self.state, State::Line(Vec::new())) {
                State::Line(line) => match self.line(line, input)? {
                    None => {}
                    Some(Control::Connect(connect)) => return Ok(Some(Op::Connect(connect))),
                    Some(Control::Ping) => return Ok(Some(Op::Ping)),
                    Some(Control::Pong) => return Ok(Some(Op::Pong)),
                    Some(Control::Subscribe { subject, sid }) => return Ok(Some(Op::Subscribe { subject, sid })),
                    Some(Control::Unsubscribe { sid, max }) => return Ok(Some(Op::Unsubscribe { sid, max })),
                    Some(Control::Publish(head)) => {
                        let cap = cap(&head.subject);
                        self.state = self.begin_payload(head, cap)?;
                    }
                },
                State::Payload { head, collected } => self.state = collect(head, collected, input),
                State::Skip { head, left } => {
                    let taken = left.min(input.len());
                    *input = &input[taken..];
                    self.state = match left - taken {
                        0 => State::End { head, payload: None, return_seen: false },
                        left => State::Skip { head, left },
                    };
                }
                State::End { head, payload, return_seen } => {
                    let byte = input[0];
                    *input = &input[1..];
                    match (byte, return_seen) {
                        (b'\r', false) => self.state = State::End { head, payload, return_seen: true },
                        (b'\n', true) => {
                            let Head { subject, reply, .. } = head;
                            return Ok(Some(Op::Publish(Publication { subject, reply, payload })));
                        }
                        _ => return Err(ProtocolError::PayloadEnd),
                    }
                }
            }
        }
        Ok(None)
    }

    /// Bytes held for an unfinished operation.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        match &self.state {
            State::Line(line) => line.capacity(),
            State::Payload { collected, .. } => collected.capacity(),
            State::Skip { .. } => 0,
            State::End { payload, .. } => payload.as_ref().map_or(0, Bytes::len),
        }
    }

    fn line(&mut self, mut line: Vec<u8>, input: &mut &[u8]) -> Result<Option<Control>, ProtocolError> {
        let room = limits::MAX_CONNECT_LINE + 2 - line.len();
        let visible = &input[..room.min(input.len())];
        let newline = visible.iter().position(|byte| *byte == b'\n');
        let taken = newline.unwrap_or(visible.len());
        line.extend_from_slice(&visible[..taken]);
        *input = &input[newline.map_or(taken, |at| at + 1)..];

        if newline.is_some() && line.last() == Some(&b'\r') {
            line.pop();
        }
        let limit = if control::is_connect(&line) { limits::MAX_CONNECT_LINE } else { limits::MAX_CONTROL_LINE };
        // An unfinished line may still lose the first half of its line end.
        let length = if newline.is_none() && line.last() == Some(&b'\r') { line.len() - 1 } else { line.len() };
        if length > limit {
            return Err(ProtocolError::LineTooLong);
        }
        if newline.is_none() {
            self.state = State::Line(line);
            return Ok(None);
        }
        control::parse(&line).map(Some)
    }

    fn begin_payload(&self, head: Head, cap: usize) -> Result<State, ProtocolError> {
        if head.total > self.max_payload {
            return Err(ProtocolError::PayloadTooLarge);
        }
        Ok(if head.total == 0 {
            State::End { head, payload: Some(Bytes::new()), return_seen: false }
        } else if head.total > cap {
            State::Skip { left: head.total, head }
        } else {
            State::Payload { collected: Vec::with_capacity(head.total.min(FIRST_RESERVE)), head }
        })
    }
}

/// Grows the buffer with what has really arrived, and to exactly the announced length in the end.
fn collect(head: Head, mut collected: Vec<u8>, input: &mut &[u8]) -> State {
    let taken = (head.total - collected.len()).min(input.len());
    let needed = collected.len() + taken;
    if needed > collected.capacity() {
        let target = needed.max(collected.capacity() * 2).min(head.total);
        collected.reserve_exact(target - collected.len());
    }
    collected.extend_from_slice(&input[..taken]);
    *input = &input[taken..];
    if collected.len() < head.total {
        return State::Payload { head, collected };
    }
    let payload = Bytes::from(collected).slice(head.header..);
    State::End { head, payload: Some(payload), return_seen: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_all(mut input: &[u8]) -> Result<Vec<Op>, ProtocolError> {
        let mut parser = Parser::new(1000);
        let mut ops = Vec::new();
        while let Some(op) = parser.next(&mut input, |subject| if subject == "big" { 1000 } else { 10 })? {
            ops.push(op);
        }
        Ok(ops)
    }

    fn publication(subject: &str, payload: Option<&'static [u8]>) -> Op {
        Op::Publish(Publication { subject: subject.to_owned(), reply: None, payload: payload.map(Bytes::from_static) })
    }

    #[test]
    fn payloads_may_contain_anything_and_headers_are_stripped() {
        let input = b"PUB a 6\r\nPI\r\nNG\r\nHPUB a 0 2\r\nxy\r\nHPUB a 4 6\r\nHEADxy\r\nPUB a 0\r\n\r\nPING\r\n";
        let expected = vec![
            publication("a", Some(b"PI\r\nNG")),
            publication("a", Some(b"xy")),
            publication("a", Some(b"xy")),
            publication("a", Some(b"")),
            Op::Ping,
        ];
        assert_eq!(parse_all(input), Ok(expected));
    }

    #[test]
    fn a_payload_above_its_cap_is_skipped_without_losing_the_stream() {
        assert_eq!(parse_all(b"PUB a 11\r\n12345678901\r\nPING\r\n"), Ok(vec![publication("a", None), Op::Ping]));
        assert_eq!(parse_all(b"PUB big 11\r\n12345678901\r\n"), Ok(vec![publication("big", Some(b"12345678901"))]));
    }

    #[test]
    fn a_payload_above_the_announced_limit_is_an_error() {
        assert_eq!(parse_all(b"PUB big 1001\r\n"), Err(ProtocolError::PayloadTooLarge));
    }

    #[test]
    fn a_payload_must_end_with_a_line_end() {
        assert_eq!(parse_all(b"PUB a 2\r\nxyz\r\n"), Err(ProtocolError::PayloadEnd));
        assert_eq!(parse_all(b"PUB a 2\r\nxy\n"), Err(ProtocolError::PayloadEnd));
    }

    #[test]
    fn lines_end_within_their_limit() {
        let fits = format!("{}\r\n", "x".repeat(limits::MAX_CONTROL_LINE));
        assert_eq!(parse_all(fits.as_bytes()), Err(ProtocolError::UnknownOperation));
        let endless = "x".repeat(limits::MAX_CONTROL_LINE + 1);
        assert_eq!(parse_all(endless.as_bytes()), Err(ProtocolError::LineTooLong));

        let padding = limits::MAX_CONNECT_LINE - "CONNECT {}".len();
        assert!(parse_all(format!("CONNECT {}{{}}\r\n", " ".repeat(padding)).as_bytes()).is_ok());
        let longer = format!("CONNECT {}{{}}\r\n", " ".repeat(padding + 1));
        assert_eq!(parse_all(longer.as_bytes()), Err(ProtocolError::LineTooLong));
    }

    #[test]
    fn an_announced_payload_is_not_reserved_in_advance() {
        let mut parser = Parser::new(64 << 20);
        let mut input = &b"PUB a 60000000\r\nx"[..];
        assert_eq!(parser.next(&mut input, |_| 64 << 20), Ok(None));
        assert!(parser.held() <= FIRST_RESERVE);
    }
}
