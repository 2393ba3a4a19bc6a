//! The client's side of the NATS protocol, as far as the original browser client speaks it (meeting-protocol.md
//! sections 2 and 3).

use anyhow::{Context, bail, ensure};
use bytes::{Buf, Bytes, BytesMut};

/// Longest payload that is read, in bytes.
const MAX_PAYLOAD: usize = 8 << 20;

/// One operation of the server.
#[derive(Debug)]
pub(crate) enum Op {
    /// `INFO`, `PING` and `PONG`.
    Info,
    Ping,
    Pong,
    /// `MSG` or `HMSG`, which have a header.
    Message(Message),
}

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) sid: u32,
    /// Where to acknowledge it.
    pub(crate) reply: Option<String>,
    pub(crate) header: Bytes,
    pub(crate) payload: Bytes,
}

/// Bytes that were received and are no whole operation yet.
#[derive(Debug, Default)]
pub(crate) struct Incoming(BytesMut);

impl Incoming {
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole operation.
    ///
    /// # Errors
    /// When the server refuses something or says what nobody understands.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Op>> {
        let Some(end) = self.0.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
        let line = std::str::from_utf8(&self.0[..end])?;
        let mut words = line.split(' ');
        let simple = match words.next().unwrap_or_default() {
            "INFO" => Op::Info,
            "PING" => Op::Ping,
            "PONG" => Op::Pong,
            "MSG" => return self.message(end, false),
            "HMSG" => return self.message(end, true),
            _ => bail!("the server says {line}"),
        };
        self.0.advance(end + 2);
        Ok(Some(simple))
    }

    fn message(&mut self, end: usize, has_header: bool) -> anyhow::Result<Option<Op>> {
        let line = std::str::from_utf8(&self.0[..end])?;
        let words: Vec<&str> = line.split(' ').collect();
        let numbers = if has_header { 2 } else { 1 };
        ensure!(words.len() == 3 + numbers || words.len() == 4 + numbers, "the server says {line}");
        let sid = words[2].parse()?;
        let reply = (words.len() == 4 + numbers).then(|| words[3].to_owned());
        let total: usize = words.last().context("no length")?.parse()?;
        let header = if has_header { words[words.len() - 2].parse()? } else { 0 };
        ensure!(header <= total && total <= MAX_PAYLOAD, "the server says {line}");
        if self.0.len() < end + 2 + total + 2 {
            return Ok(None);
        }
        self.0.advance(end + 2);
        let mut payload = self.0.split_to(total);
        let header = payload.split_to(header).freeze();
        self.0.advance(2);
        Ok(Some(Op::Message(Message { sid, reply, header, payload: payload.freeze() })))
    }
}

/// What is written together: the library of the original client sends what gathers in one turn as one frame.
#[derive(Debug, Default)]
pub(crate) struct Outgoing(Vec<u8>);

impl Outgoing {
    pub(crate) fn line(&mut self, line: &str) {
        self.0.extend_from_slice(line.as_bytes());
        self.0.extend_from_slice(b"\r\n");
    }

    pub(crate) fn publish(&mut self, subject: &str, reply: &str, payload: &[u8]) {
        let gap = if reply.is_empty() { "" } else { " " };
        self.line(&format!("PUB {subject} {reply}{gap}{}", payload.len()));
        self.0.extend_from_slice(payload);
        self.0.extend_from_slice(b"\r\n");
    }

    /// As `js.publish` does it: with a header of no length.
    pub(crate) fn publish_reliably(&mut self, subject: &str, reply: &str, payload: &[u8]) {
        self.line(&format!("HPUB {subject} {reply} 0 {}", payload.len()));
        self.0.extend_from_slice(payload);
        self.0.extend_from_slice(b"\r\n");
    }

    pub(crate) fn take(&mut self) -> Option<Bytes> {
        (!self.0.is_empty()).then(|| std::mem::take(&mut self.0).into())
    }
}
