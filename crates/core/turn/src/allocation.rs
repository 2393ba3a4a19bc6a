//! One allocation: whom a client may reach through us, under which channel, and until when.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// How long a permission lives without a refresh (RFC 8656 section 9).
const PERMISSION: Duration = Duration::from_secs(300);

/// The same of a channel (section 12).
const CHANNEL: Duration = Duration::from_secs(600);

/// Numbers a channel may have (section 12).
const CHANNELS: std::ops::RangeInclusive<u16> = 0x4000..=0x4fff;

/// What a client holds. Only peers of ours get permissions and channels, so both are as few as our addresses.
#[derive(Debug)]
pub(crate) struct Allocation<C> {
    pub(crate) client: C,
    /// The name it was made with. The name may end before the allocation does.
    pub(crate) name: String,
    pub(crate) mapped: SocketAddr,
    /// Of the request that made it, which may come again.
    pub(crate) transaction: [u8; 12],
    /// As told to the client.
    pub(crate) lifetime: Duration,
    pub(crate) expires: Instant,
    /// When the client last sent something.
    pub(crate) heard: Instant,
    pub(crate) permissions: BTreeMap<IpAddr, Instant>,
    pub(crate) channels: BTreeMap<u16, (SocketAddr, Instant)>,
}

impl<C> Allocation<C> {
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.expires <= now
    }

    pub(crate) fn permit(&mut self, peer: IpAddr, now: Instant) {
        self.permissions.insert(peer, now + PERMISSION);
    }

    pub(crate) fn permits(&self, peer: IpAddr, now: Instant) -> bool {
        self.permissions.get(&peer).is_some_and(|until| *until > now)
    }

    /// Ties a channel to a peer, or keeps it tied. `false` if either is tied to another, or there is no such channel.
    pub(crate) fn bind(&mut self, channel: u16, peer: SocketAddr, now: Instant) -> bool {
        self.channels.retain(|_, (_, until)| *until > now);
        let conflicts = self.channels.iter().any(|(known, (at, _))| (*known == channel) != (*at == peer));
        if conflicts || !CHANNELS.contains(&channel) {
            return false;
        }
        self.channels.insert(channel, (peer, now + CHANNEL));
        self.permit(peer.ip(), now);
        true
    }

    pub(crate) fn peer_of(&self, channel: u16, now: Instant) -> Option<SocketAddr> {
        self.channels.get(&channel).filter(|(_, until)| *until > now).map(|(peer, _)| *peer)
    }

    pub(crate) fn channel_of(&self, peer: SocketAddr, now: Instant) -> Option<u16> {
        self.channels.iter().find(|(_, (at, until))| *at == peer && *until > now).map(|(channel, _)| *channel)
    }
}
