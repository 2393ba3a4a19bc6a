//! Messages on data channels (media-protocol.md section 13): who they come from is ours to say, where they go the
//! sender's.

use crate::room::MediaRoom;
use crate::types::{Dropped, Now, Output, PeerKey};
use bytes::Bytes;
use model::media::ParticipantKind;
use prost::Message;
use std::collections::HashSet;
use std::time::Instant;
use wire::lk::data_packet::{Kind, Value};
use wire::lk::data_stream::header::ContentHeader;
use wire::{bounds, lk};

/// Longest message that is passed on.
const MAX_MESSAGE: usize = 64 * 1024;

/// Whoever sent too much rests until so many messages, and bytes of them, may be sent again: a rest takes its time to be noticed.
const REST_MESSAGES: f64 = 100.0;
const REST_BYTES: f64 = 1_000_000.0;

/// Most fields of a message, receivers counted.
const MAX_FIELDS: usize = 2048;

impl MediaRoom {
    /// Whoever carries the data messages of somebody who sent too much has to leave them with the sender until then.
    pub fn data_rests(&self, peer: PeerKey) -> Option<Instant> {
        let limits = &self.participants.get(&peer)?.limits;
        limits.data_messages.refilled(REST_MESSAGES).max(limits.data.refilled(REST_BYTES))
    }

    /// A message arrived on a data channel. Why it was not passed on, unless it is one that came before.
    pub fn message(&mut self, peer: PeerKey, reliable: bool, bytes: &[u8], now: Now) -> Option<Dropped> {
        let sender = self.participants.get_mut(&peer)?;
        if !sender.permission.publish_data {
            return Some(Dropped::DataForbidden);
        }
        if bytes.len() > MAX_MESSAGE {
            return Some(Dropped::DataTooLong);
        }
        let length = u32::try_from(bytes.len()).map_or(f64::MAX, f64::from);
        let limits = &mut sender.limits;
        if reliable {
            // What is reliable is not lost unnoticed: it is passed on, and its sender rests. Whoever is not stopped by that
            // starts over.
            if !limits.data_messages.lend(1.0, now.at) || !limits.data.lend(length, now.at) {
                self.session_failed(peer, now);
                return Some(Dropped::DataFlood);
            }
        } else if !limits.data_messages.take(1.0, now.at) || !limits.data.take(length, now.at) {
            return Some(Dropped::DataFlood);
        }
        if !bounds::holds_at_most(MAX_FIELDS, bytes, &bounds::DATA_PACKET) {
            return Some(Dropped::DataGarbage);
        }
        let Ok(mut packet) = lk::DataPacket::decode(bytes) else { return Some(Dropped::DataGarbage) };
        if packet.sequence > 0 && reliable {
            if packet.sequence <= sender.data_sequence {
                return None;
            }
            sender.data_sequence = packet.sequence;
        }
        let is_agent = sender.kind == ParticipantKind::Agent;
        match &packet.value {
            // Nobody subscribes to metrics here; what is said is written down by agents alone.
            Some(Value::Metrics(_)) => return Some(Dropped::DataForbidden),
            Some(Value::Transcription(_)) if !is_agent => return Some(Dropped::DataForbidden),
            _ => {}
        }
        let (sid, identity) = if sender.permission.hidden {
            (String::new(), String::new())
        } else {
            (sender.sid().to_owned(), sender.identity.as_str().to_owned())
        };
        let spoken_for = is_agent.then(|| speaks_for(&mut packet)).flatten();
        sign(&mut packet, reliable, sid, spoken_for.unwrap_or(identity));
        let unannounced = sender.unannounced.is_some();
        let message = Bytes::from(packet.encode_to_vec());
        let only: HashSet<&str> =
            packet.destination_identities.iter().chain(sids(&packet)).map(String::as_str).collect();
        if unannounced {
            // Nobody hears from somebody they know nothing of.
            self.announce(peer);
        }
        // Those without a socket too: their connection outlives it, and so does what waits there. Nothing is sent again after
        // a resume (section 13.4), since the channel delivers it by itself.
        for receiver in self.participants.values() {
            let meant = only.is_empty() || only.contains(receiver.identity.as_str()) || only.contains(receiver.sid());
            if receiver.key == peer || !receiver.may_be_sent(reliable) || !meant {
                continue;
            }
            self.outputs.push_back(Output::Data {
                to: receiver.key,
                from: Some(peer),
                reliable,
                message: message.clone(),
            });
        }
        None
    }
}

/// To whom a packet of an older client goes, by sid.
#[allow(deprecated)]
fn sids(packet: &lk::DataPacket) -> &[String] {
    match &packet.value {
        Some(Value::User(user)) => &user.destination_sids,
        _ => &[],
    }
}

/// In whose name an agent says something: in chat, and in a stream of text, that is the one it names. What it says is marked as
/// made up.
fn speaks_for(packet: &mut lk::DataPacket) -> Option<String> {
    let named = packet.participant_identity.clone();
    if named.is_empty() {
        return None;
    }
    match &mut packet.value {
        Some(Value::ChatMessage(chat)) => chat.generated = true,
        Some(Value::StreamHeader(lk::data_stream::Header {
            content_header: Some(ContentHeader::TextHeader(text)),
            ..
        })) => {
            text.generated = true;
        }
        _ => return None,
    }
    Some(named)
}

/// Writes the true sender over whatever the packet claims.
#[allow(deprecated)]
fn sign(packet: &mut lk::DataPacket, reliable: bool, sid: String, identity: String) {
    packet.kind = if reliable { Kind::Reliable } else { Kind::Lossy }.into();
    if let Some(Value::User(user)) = &mut packet.value {
        user.participant_sid.clone_from(&sid);
        user.participant_identity.clone_from(&identity);
        if packet.destination_identities.is_empty() {
            packet.destination_identities.clone_from(&user.destination_identities);
        } else {
            user.destination_identities.clone_from(&packet.destination_identities);
        }
    }
    packet.participant_sid = sid;
    packet.participant_identity = identity;
}
