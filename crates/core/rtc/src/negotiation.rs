//! Offers and answers of a [`Peer`].

use crate::answer::{self, DownLines, Rewrite};
use crate::check::Credentials;
use crate::outgoing::{Names, Source};
use crate::peer::{Channel, Peer, PeerError};
use crate::plan::{Codec, Down, Kind, OfferChange, SectionPlan, Up};
use crate::sdp::{Description, MAX_SECTIONS, analyse_offer, announced, without_useless};
use crate::section::{Format, Section};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use str0m::RtcError;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, Reliability};
use str0m::format::{Codec as StackCodec, PayloadParams};
use str0m::media::{Direction, MediaKind, Mid};

/// Most sections a connection may have had. None is ever forgotten that was agreed on, and a client may put new ones in the
/// place of stopped ones in every offer (RFC 8829 section 5.2.2); those we know use theirs again.
const MAX_KNOWN: usize = 2 * MAX_SECTIONS;

/// An offer of ours that waits for its answer.
#[derive(Debug)]
pub(crate) struct Open {
    offer: SdpPendingOffer,
    /// How many sections there were before it.
    known: usize,
    /// Those of them it put a track on.
    filled: Vec<u16>,
    /// In which directions those went that it turned.
    turned: Vec<(Mid, Direction)>,
}

/// Runs the stack on a description that we did not write. It asserts some things instead of refusing them, for example
/// that a payload type keeps its meaning from one offer to the next; a peer that tripped over that is of no further use,
/// and the session ends as with any other bad description.
fn guarded<T>(work: impl FnOnce() -> Result<T, RtcError>) -> Result<T, PeerError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => Ok(result?),
        Err(_) => Err(PeerError::Description("the stack gave up on it".into())),
    }
}

impl Peer {
    /// Takes a client's offer and answers as planned.
    ///
    /// # Errors
    /// The offer is malformed, breaks a limit or contradicts the former one. The peer is then of no further use.
    pub fn accept_offer(&mut self, offer: &str, plan: &[SectionPlan]) -> Result<String, PeerError> {
        let offered = analyse_offer(offer).map_err(|why| PeerError::Description(why.to_string()))?;
        self.check_room(offered.iter().filter(|section| self.section(&section.mid).is_none()).count())?;
        let parsed = SdpOffer::from_sdp_string(&without_useless(offer))
            .map_err(|why| PeerError::Description(why.to_string()))?;
        let before = self.local_ufrag();
        let answer = guarded(|| self.rtc.sdp_api().accept_offer(parsed))?;
        self.note_described(offer, &before);
        for section in &offered {
            let index = self.know(&section.mid, section.kind);
            let section_state = &mut self.sections[usize::from(index)];
            section_state.simulcast = section.simulcast;
            section_state.rids.clone_from(&section.rids);
            let down = plan.iter().find(|plan| plan.mid == section.mid).and_then(|plan| plan.down.clone());
            self.put(index, down);
        }
        self.refresh();
        Ok(self
            .describe(&answer.to_sdp_string(), |mid| plan.iter().find(|plan| plan.mid == mid).and_then(|plan| plan.up)))
    }

    /// Makes an offer with the changes, for a connection that we offer. Returns it with the mid of each change, in
    /// order. Only one offer may be open; data channels are part of the first.
    ///
    /// # Errors
    /// An offer is still open, a change names a section that does not exist, or the connection would have had too many.
    pub fn offer(&mut self, changes: &[OfferChange], ice_restart: bool) -> Result<(String, Vec<String>), PeerError> {
        if self.pending.is_some() {
            return Err(PeerError::Description("the last offer was not answered".into()));
        }
        let is_new = |change: &&OfferChange| matches!(change, OfferChange::Activate { mid: None, .. });
        self.check_room(changes.iter().filter(is_new).count())?;
        catch_unwind(AssertUnwindSafe(|| self.make_offer(changes, ice_restart)))
            .unwrap_or_else(|_| Err(PeerError::Description("the stack gave up on it".into())))
    }

    fn make_offer(&mut self, changes: &[OfferChange], ice_restart: bool) -> Result<(String, Vec<String>), PeerError> {
        let first = self.channels.is_empty();
        let mut names = Vec::with_capacity(changes.len());
        let turned = changes.iter().filter_map(|change| self.direction(change)).collect();
        let mut api = self.rtc.sdp_api();
        let mut opened = Vec::new();
        if first {
            for channel in [Channel::Reliable, Channel::Lossy] {
                let reliable = channel == Channel::Reliable;
                let id = api.add_channel_with_config(ChannelConfig {
                    label: channel.label().to_owned(),
                    ordered: reliable,
                    reliability: if reliable {
                        Reliability::Reliable
                    } else {
                        Reliability::MaxRetransmits { retransmits: 0 }
                    },
                    ..ChannelConfig::default()
                });
                opened.push((id, channel));
            }
        }
        let mut downs = Vec::with_capacity(changes.len());
        for change in changes {
            match change {
                OfferChange::Activate { mid, kind, down } => {
                    let mid = match mid {
                        Some(mid) => {
                            let mid = Mid::from(mid.as_str());
                            api.set_direction(mid, Direction::SendOnly);
                            mid
                        }
                        None => {
                            let media = if *kind == Kind::Audio { MediaKind::Audio } else { MediaKind::Video };
                            api.add_media(media, Direction::SendOnly, None, None, None)
                        }
                    };
                    names.push(mid.to_string());
                    downs.push((mid.to_string(), *kind, Some(down.clone())));
                }
                OfferChange::Deactivate { mid } => {
                    api.set_direction(Mid::from(mid.as_str()), Direction::Inactive);
                    names.push(mid.clone());
                    downs.push((mid.clone(), Kind::Audio, None));
                }
            }
        }
        if ice_restart {
            api.ice_restart(true);
        }
        let Some((offer, pending)) = api.apply() else {
            return Err(PeerError::Description("nothing to offer".into()));
        };
        let known = self.sections.len();
        self.channels.extend(opened);
        self.offers += 1;
        let text = numbered(&offer.to_sdp_string(), self.offers);
        let mut filled = Vec::new();
        for (mid, kind, down) in downs {
            let index = self.know(&mid, kind);
            if usize::from(index) < known && down.is_some() && self.sections[usize::from(index)].down.is_none() {
                filled.push(index);
            }
            self.put(index, down);
        }
        self.pending = Some(Open { offer: pending, known, filled, turned });
        Ok((self.describe(&text, |_| None), names))
    }

    /// Takes the client's answer to [`Self::offer`].
    ///
    /// # Errors
    /// There is no open offer, or the answer does not fit it.
    pub fn accept_answer(&mut self, text: &str) -> Result<(), PeerError> {
        analyse_offer(text).map_err(|why| PeerError::Description(why.to_string()))?;
        let pending = self.pending.take().ok_or_else(|| PeerError::Description("no offer is open".into()))?;
        let answer = SdpAnswer::from_sdp_string(&without_useless(text));
        let answer = answer.map_err(|why| PeerError::Description(why.to_string()))?;
        let before = self.local_ufrag();
        guarded(|| self.rtc.sdp_api().accept_answer(pending.offer, answer))?;
        self.note_described(text, &before);
        self.answered = true;
        self.refresh();
        Ok(())
    }

    /// The stack took a description of the client's. Of what it announced before and did not use nothing is kept.
    fn note_described(&mut self, text: &str, ufrag_before: &str) {
        if self.local_ufrag() != ufrag_before {
            self.addresses.restart();
        }
        self.credentials = Credentials::read(text);
        let announced = announced(&Description::parse(text));
        let before = std::mem::replace(&mut self.announced, announced);
        for source in before {
            if !self.announced.contains(&source) && !self.sources.knows(source) {
                self.remove_source(source);
            }
        }
    }

    /// Settles an open offer from what the client has after a reconnect: if its remote description is the one we made last,
    /// its local one is the answer. Otherwise the offer is taken back. Whether it is answered.
    ///
    /// # Errors
    /// The offer is the one, but the answer does not fit it.
    pub fn settle_offer(&mut self, known: Option<(&str, &str)>) -> Result<bool, PeerError> {
        let ours = format!(" {} IN ", self.offers);
        let answer = known.filter(|(offer, _)| {
            offer.lines().take(5).any(|line| line.starts_with("o=") && line.contains(ours.as_str()))
        });
        match answer {
            Some((_, answer)) if self.pending.is_some() => self.accept_answer(answer).map(|()| true),
            _ => {
                if let Some(open) = self.pending.take() {
                    self.take_back(&open);
                }
                Ok(false)
            }
        }
    }

    /// Forgets what an offer promised: its new sections, and the tracks it put on others.
    fn take_back(&mut self, open: &Open) {
        // Channels of a first offer have to be offered again.
        if !self.answered {
            self.channels.clear();
        }
        for section in self.sections.drain(open.known..) {
            self.by_mid.remove(&section.mid);
        }
        self.outgoing.truncate(open.known);
        for index in &open.filled {
            self.put(*index, None);
        }
        // The stack turns them at once; turned already, they would be nothing to offer the next time.
        let mut api = self.rtc.sdp_api();
        for (mid, direction) in &open.turned {
            api.set_direction(*mid, *direction);
        }
    }

    /// The section a change is about, if there is one yet, and its direction.
    fn direction(&self, change: &OfferChange) -> Option<(Mid, Direction)> {
        let (OfferChange::Activate { mid: Some(mid), .. } | OfferChange::Deactivate { mid }) = change else {
            return None;
        };
        let mid = Mid::from(mid.as_str());
        Some((mid, self.rtc.media(mid)?.direction()))
    }

    /// Whether so many more sections may be known.
    fn check_room(&self, more: usize) -> Result<(), PeerError> {
        if self.sections.len() + more > MAX_KNOWN {
            return Err(PeerError::Description("the connection has had too many sections".into()));
        }
        Ok(())
    }

    fn know(&mut self, mid: &str, kind: Kind) -> u16 {
        let key = Mid::from(mid);
        if let Some(index) = self.by_mid.get(&key) {
            return *index;
        }
        let index = u16::try_from(self.sections.len()).expect("there is room for a thousand");
        self.sections.push(Section {
            mid: key,
            name: mid.to_owned(),
            kind,
            formats: Vec::new(),
            names: Names::default(),
            down: None,
            simulcast: false,
            rids: Vec::new(),
            layers: Vec::new(),
        });
        self.by_mid.insert(key, index);
        index
    }

    /// Puts a track on a section or takes it off. Another track gets another source, so that a receiver never mixes the
    /// two up.
    fn put(&mut self, index: u16, down: Option<Down>) {
        let section = &mut self.sections[usize::from(index)];
        let kind = section.kind;
        let former = std::mem::replace(&mut section.down, down.clone());
        let source = match (former, down) {
            (Some(old), Some(new)) if old.track == new.track => return,
            (_, Some(new)) => {
                let (ssrc, rtx, first) = (self.new_ssrc(), self.new_ssrc(), self.new_ssrc());
                let first = u16::try_from(first >> 16).unwrap_or_default();
                Some(Source::new(kind, ssrc, rtx, new.cname, first))
            }
            (_, None) => None,
        };
        self.outgoing.put(index, source);
        self.agree(index);
    }

    /// One that neither half of the connection uses.
    fn new_ssrc(&mut self) -> u32 {
        loop {
            let ssrc = *self.rtc.direct_api().new_ssrc();
            if !self.outgoing.has(ssrc) {
                return ssrc;
            }
        }
    }

    /// Tells what a client takes on a section to the stream that is on it.
    fn agree(&mut self, index: u16) {
        let section = &self.sections[usize::from(index)];
        self.outgoing.agree(index, section.names.clone(), section.padding());
    }

    /// Reads back from the stack what a negotiation settled. The sources it made for what it believes to send are taken away:
    /// what we send comes from others, and it would report on them.
    fn refresh(&mut self) {
        self.forget_streams(|_| true);
        for section in &mut self.sections {
            let Some(media) = self.rtc.media(section.mid) else {
                // Another section took its place.
                section.formats.clear();
                continue;
            };
            self.numbers.note_names(media.remote_extmap());
            section.names = Names::read(media.remote_extmap(), section.mid);
            let mut formats: Vec<Format> = Vec::new();
            for params in self.rtc.codec_config().params() {
                if media.remote_pts().contains(&params.pt())
                    && let Some(codec) = codec_of(params)
                {
                    let repair = params.resend();
                    formats.push(Format { codec, profile: profile_of(params), pt: params.pt(), repair });
                    let red = params.red();
                    formats.extend(red.map(|pt| Format { codec: Codec::Red, profile: 0, pt, repair: None }));
                }
            }
            section.formats = formats;
            let mut api = self.rtc.direct_api();
            if let Some(ssrc) = api.stream_tx_by_mid(section.mid, None).map(|stream| stream.ssrc()) {
                api.remove_stream_tx(ssrc);
            }
        }
        for index in (0..self.sections.len()).filter_map(|index| u16::try_from(index).ok()) {
            self.agree(index);
        }
    }

    fn describe(&self, text: &str, up: impl Fn(&str) -> Option<Up>) -> String {
        let mut lines: HashMap<String, Rewrite> = HashMap::new();
        for (index, section) in (0..).zip(&self.sections) {
            let sources = self.outgoing.sources(index);
            let down = section
                .down
                .as_ref()
                .zip(sources)
                .map(|(down, (ssrc, rtx))| down_lines(down, ssrc, section.repairs().then_some(rtx)));
            let rewrite = Rewrite { up: up(&section.name), down, simulcast: section.simulcast };
            lines.insert(section.name.clone(), rewrite);
        }
        let text = answer::rewrite(text, |mid| lines.get(mid).cloned());
        if self.only_streams { answer::without_datagrams(&text) } else { text }
    }
}

fn down_lines(down: &Down, ssrc: u32, rtx: Option<u32>) -> DownLines {
    DownLines {
        stream: down.stream.clone(),
        track: down.track.clone(),
        cname: down.cname.clone(),
        stereo: down.stereo,
        ssrc,
        rtx,
    }
}

/// Gives a description its number; the stack numbers all alike.
fn numbered(text: &str, number: u64) -> String {
    let Some((head, tail)) = text.split_once(" 2 IN ") else { return text.to_owned() };
    format!("{head} {number} IN {tail}")
}

fn codec_of(params: &PayloadParams) -> Option<Codec> {
    match params.spec().codec {
        StackCodec::Opus => Some(Codec::Opus),
        StackCodec::Vp8 => Some(Codec::Vp8),
        StackCodec::Vp9 => Some(Codec::Vp9),
        StackCodec::Av1 => Some(Codec::Av1),
        StackCodec::H264 if params.spec().format.packetization_mode == Some(1) => Some(Codec::H264),
        _ => None,
    }
}

fn profile_of(params: &PayloadParams) -> u32 {
    match params.spec().codec {
        StackCodec::H264 => params.spec().format.profile_level_id.unwrap_or_default() >> 8,
        StackCodec::Vp9 => params.spec().format.profile_id.unwrap_or_default(),
        _ => 0,
    }
}
