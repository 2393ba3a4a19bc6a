//! Which addresses clients are told of, for as long as the server runs. Those of the machine and the one outside may come late, after
//! a boot, and change, as they do each night at some providers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use media::{MediaConfig, Plane};
use meeting::Relays;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::config::Config;

/// How often it is looked, which is a packet or two: until then nobody who comes reaches media at an address that changed.
const INTERVAL: Duration = Duration::from_secs(60);

/// What is known of our addresses.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// With what the operator says of addresses.
    media: MediaConfig,
    /// Whom to ask how others see us; `None`: nobody.
    servers: Option<Vec<String>>,
    /// How others see us, at most once in each family.
    outside: Vec<IpAddr>,
    /// Those of the machine, as they were when it had a network last.
    inside: Vec<IpAddr>,
    /// What clients are told.
    told: Vec<IpAddr>,
}

impl Addresses {
    /// Nothing is known before [`Self::look`].
    pub(crate) fn new(config: &Config, media: MediaConfig) -> Self {
        let servers = config.media.use_external_ip.then(|| config.media.stun_servers.clone());
        Self { media, servers, outside: Vec::new(), inside: Vec::new(), told: Vec::new() }
    }

    /// The settings with what is known.
    pub(crate) fn settings(&self) -> MediaConfig {
        MediaConfig { advertise: self.told.clone(), include_loopback: false, ..self.media.clone() }
    }

    /// Looks at the interfaces and asks outside, for three seconds at most or a little longer. Whether clients are to be told
    /// something else than before.
    pub(crate) async fn look(&mut self) -> bool {
        self.ask().await;
        let inside = self.media.addresses();
        // Without any network nobody comes; when it is back, it may be the same.
        if self.inside.is_empty() || !self.is_lonely(&inside) {
            self.inside = inside;
        }
        let mut found = Vec::new();
        for address in self.outside.iter().chain(&self.inside) {
            if !found.contains(address) {
                found.push(*address);
            }
        }
        if found == self.told {
            return false;
        }
        if self.told.is_empty() && self.is_lonely(&found) {
            warn!(
                "this machine has no address that others could reach: clients are told of itself alone; it is looked again each minute"
            );
        }
        self.told = found;
        true
    }

    /// Asks others how they see us. Whoever does not answer this time leaves us what was said before.
    async fn ask(&mut self) {
        let Some(servers) = &self.servers else { return };
        let found = media::external_addresses(servers).await;
        if found.is_empty() && self.outside.is_empty() && self.told.is_empty() {
            warn!(
                ?servers,
                "no STUN server told us our address; clients outside may not reach media; they are asked again each minute"
            );
        }
        let kept = self.outside.iter().filter(|known| !found.iter().any(|new| new.is_ipv4() == known.is_ipv4()));
        let mut outside: Vec<IpAddr> = found.iter().chain(kept).copied().collect();
        outside.sort_by_key(IpAddr::is_ipv6);
        if outside != self.outside {
            info!(addresses = ?outside, "this is how others see us");
            self.outside = outside;
        }
    }

    /// They reach nobody but this machine, which is not as it should be.
    fn is_lonely(&self, addresses: &[IpAddr]) -> bool {
        !self.media.include_loopback && addresses.iter().all(IpAddr::is_loopback)
    }

    /// Whether all that is known is what the operator says, and holds for ever.
    fn is_said(&self) -> bool {
        self.servers.is_none() && (!self.media.advertise.is_empty() || self.media.bind.is_some())
    }

    /// Looks again now and then until the server stops, and tells what changes.
    pub(crate) async fn follow(
        mut self,
        plane: Arc<Plane>,
        relays: watch::Sender<Relays>,
        relays_at: impl Fn(&[SocketAddr]) -> Relays,
        mut stopping: watch::Receiver<bool>,
    ) {
        while !self.is_said() {
            tokio::select! {
                () = sleep(INTERVAL) => self.renew(&plane, &relays, &relays_at).await,
                _ = stopping.changed() => return,
            }
        }
    }

    /// Looks again. What changed is told the media plane, and whoever tells clients of relays.
    async fn renew(
        &mut self,
        plane: &Plane,
        relays: &watch::Sender<Relays>,
        relays_at: &impl Fn(&[SocketAddr]) -> Relays,
    ) {
        if !self.look().await {
            return;
        }
        let reach = plane.set_addresses(&self.settings().addresses());
        if !reach.is_empty() {
            info!(addresses = reach.len(), "clients are told of other addresses from now on");
            relays.send_replace(relays_at(&reach));
        }
    }
}

#[cfg(test)]
mod tests;
