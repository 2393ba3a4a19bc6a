//! A hostile client's signalling and data: whatever it sends, the room goes on.
//!
//! The first input byte says how to read the rest: a signal message, or a message on one of the data channels.

use model::media::MediaPermission;
use model::{Identity, RoomId};
use signal::{Connect, JoinRequest, MediaRoom, Now, PeerKey};
use std::time::Instant;

/// One message.
pub fn run(input: &[u8]) {
    let Some((kind, bytes)) = input.split_first() else { return };
    let now = Now { at: Instant::now(), unix_micros: 1_700_000_000_000_000 };
    let mut room = MediaRoom::new(&RoomId::try_from("room").expect("a name"), 1, now);
    for (number, who) in ["ann", "bob"].into_iter().enumerate() {
        let key = PeerKey(number as u64);
        let connect = Connect {
            key,
            identity: Identity::try_from(who).expect("a name"),
            name: String::new(),
            metadata: String::new(),
            attributes: Default::default(),
            permission: MediaPermission::FREE,
            dual: number == 0,
            relays: Vec::new(),
            relay_only: false,
            kind: Default::default(),
            kind_details: Vec::new(),
            request: JoinRequest::read(&[]).expect("an empty request is one"),
        };
        room.connect(connect, now).expect("it breaks no limit");
        room.connected(key, now);
    }
    match kind % 3 {
        0 => room.request(PeerKey(0), bytes, now),
        kind => {
            room.message(PeerKey(0), kind == 1, bytes, now);
        }
    }
    while room.poll().is_some() {}
    room.handle_timeout(now);
}
