//! Messages on data channels (media-protocol.md section 13): who they come from is ours to say, where they go the
//! sender's.

use crate::participant::Replay;
use crate::room::MediaRoom;
use crate::types::{Dropped, Now, Output, PeerKey};
use bytes::Bytes;
use model::media::ParticipantKind;
use prost::Message;
use std::collections::HashSet;
use std::time::Duration;
use wire::lk::data_packet::{Kind, Value};
use wire::lk::data_stream::header::ContentHeader;
use wire::{bounds, lk};

/// Longest message that is passed on.
const MAX_MESSAGE: usize = 64 * 1024;

/// Most fields of a message, receivers counted.
const MAX_FIELDS: usize = 2048;

/// What is kept to repeat after a resume.
const REPLAY_TIME: Duration = Duration::from_secs(2);
const REPLAY_BYTES: usize = 100 * 1024;

impl MediaRoom {
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
        if !sender.limits.data_messages.take(1.0, now.at) || !sender.limits.data.take(length, now.at) {
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
        let publisher = sender.sid().to_owned();
        let unannounced = sender.unannounced.is_some();
        let sequence = packet.sequence;
        let message = Bytes::from(packet.encode_to_vec());
        let only: HashSet<&str> =
            packet.destination_identities.iter().chain(sids(&packet)).map(String::as_str).collect();
        if unannounced {
            // Nobody hears from somebody they know nothing of.
            self.announce(peer);
        }
        for receiver in self.participants.values_mut() {
            let meant = only.is_empty() || only.contains(receiver.identity.as_str()) || only.contains(receiver.sid());
            if receiver.key == peer || !receiver.may_be_sent(reliable) || !meant {
                continue;
            }
            if reliable && sequence > 0 && receiver.was_active {
                receiver.replay_bytes += message.len();
                receiver.replay.push_back(Replay {
                    at: now.at,
                    publisher: publisher.clone(),
                    sequence,
                    message: message.clone(),
                });
                while receiver.replay.front().is_some_and(|oldest| {
                    receiver.replay_bytes > REPLAY_BYTES
                        || now.at.duration_since(oldest.at) > REPLAY_TIME && receiver.linked
                }) {
                    let dropped = receiver.replay.pop_front().map_or(0, |oldest| oldest.message.len());
                    receiver.replay_bytes = receiver.replay_bytes.saturating_sub(dropped);
                }
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

    /// Sends again what a resumed client missed (section 13.4).
    pub(crate) fn replay(&mut self, peer: PeerKey, states: &[lk::DataChannelReceiveState], _now: Now) {
        let Some(receiver) = self.participants.get(&peer) else { return };
        for kept in &receiver.replay {
            let seen =
                states.iter().find(|state| state.publisher_sid == kept.publisher).map_or(0, |state| state.last_seq);
            if kept.sequence > seen {
                self.outputs.push_back(Output::Data {
                    to: peer,
                    from: None,
                    reliable: true,
                    message: kept.message.clone(),
                });
            }
        }
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
