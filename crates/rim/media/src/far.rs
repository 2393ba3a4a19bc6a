//! Connections of big rooms that are on another shard than their room: what stands for them there, what they are to do and what
//! they have to say.

use crate::engine::ConnectionKey;
use crate::forward::Takes;
use crate::line::{Offer, Sections};
use crate::registry::ShardIndex;
use bytes::Bytes;
use rtc::{Channel, Event, OfferChange, SectionPlan};
use signal::PeerKey;
use std::net::SocketAddr;
use std::time::Instant;

/// What a connection on another shard is to do.
#[derive(Debug)]
pub(crate) enum Task {
    /// Come into being.
    Open,
    /// Be gone.
    Close,
    /// Take the client's offer and answer it. The answer comes back with its number.
    AcceptOffer { round: u32, sdp: String, plan: Vec<SectionPlan> },
    /// Make an offer.
    MakeOffer { changes: Vec<OfferChange>, ice_restart: bool },
    /// Settle the last offer.
    SettleOffer { known: Option<(String, String)> },
    /// Take the client's answer to it.
    AcceptAnswer { sdp: String },
    /// Which layers the encodings on a section are.
    Layers { section: u16, layers: Vec<(String, u8)> },
    /// Name no way but TCP, or every way again.
    OnlyStreams(bool),
    /// Ask the client for a key frame.
    KeyFrame { section: u16, layer: u8, hard: bool },
    /// Look for bandwidth.
    Seek(Seek),
    /// Send a message.
    Data { channel: Channel, from: Option<PeerKey>, message: Bytes },
    /// Take no data until then.
    Rest(Instant),
    /// The room takes it for failed: say so when it is heard again.
    Failed,
}

impl Task {
    /// Whether it may put something else on a section.
    pub(crate) fn is_negotiation(&self) -> bool {
        match self {
            Self::AcceptOffer { .. }
            | Self::MakeOffer { .. }
            | Self::SettleOffer { .. }
            | Self::AcceptAnswer { .. } => true,
            Self::Open
            | Self::Close
            | Self::Layers { .. }
            | Self::OnlyStreams(_)
            | Self::KeyFrame { .. }
            | Self::Seek(_)
            | Self::Data { .. }
            | Self::Rest(_)
            | Self::Failed => false,
        }
    }
}

/// How a connection looks for bandwidth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seek {
    /// Pictures leave no faster than the estimate.
    pub(crate) paced: bool,
    /// Kept up with padding, bits per second.
    pub(crate) minimum: u64,
    /// What more would be used for, bits per second.
    pub(crate) desired: u64,
}

/// What a connection on another shard tells its room.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "most are events, and packets are none of them")]
pub(crate) enum Word {
    /// The answer to an offer of the client's.
    Answered { round: u32, answer: Option<String>, sections: Sections },
    /// Our offer, if it could be made.
    Offered(Option<Offer>),
    /// Whether our last offer was answered; `None`: by something that could not be taken.
    Settled { answered: Option<bool>, sections: Sections },
    /// Whether the client's answer was taken.
    Taken { taken: bool, sections: Sections },
    /// Something that is no packet happened.
    Event(Event),
    /// What waits to be sent on a section.
    Queued { section: u16, packets: usize },
    /// When it was last heard, and where the client is.
    Heard { at: Instant, remote: Option<SocketAddr> },
    /// It was taken for failed and is heard.
    Again,
    /// A reliable message found no room.
    Choked,
    /// The stack's clock failed it: it may come back.
    Failed,
    /// It is gone and nothing brings it back.
    Died,
}

/// A connection that is on another shard, as its room knows it.
#[derive(Debug)]
pub(crate) struct Far {
    pub(crate) shard: ShardIndex,
    pub(crate) key: ConnectionKey,
    pub(crate) last_heard: Instant,
    /// The way the client wants.
    pub(crate) remote: Option<SocketAddr>,
    /// Has something to do.
    pub(crate) dirty: bool,
    tasks: Vec<Task>,
    sections: Sections,
    /// Packets that wait on each section as last told.
    queued: Vec<usize>,
    negotiated: bool,
    /// Number of the client's last offer; the answer to one before it came too late.
    round: u32,
    /// An offer of ours is being made, and whether it is void when it comes.
    offering: Option<bool>,
    /// An answer of the client's is being taken.
    taking: bool,
    sought: Option<Seek>,
}

impl Far {
    pub(crate) fn new(shard: ShardIndex, key: ConnectionKey, now: Instant) -> Self {
        Self {
            shard,
            key,
            last_heard: now,
            remote: None,
            dirty: false,
            tasks: vec![Task::Open],
            sections: Vec::new(),
            queued: Vec::new(),
            negotiated: false,
            round: 0,
            offering: None,
            taking: false,
            sought: None,
        }
    }

    pub(crate) fn order(&mut self, task: Task) {
        self.tasks.push(task);
    }

    /// What is to be carried to it.
    pub(crate) fn take_tasks(&mut self) -> Vec<Task> {
        self.dirty = false;
        std::mem::take(&mut self.tasks)
    }

    pub(crate) fn is_negotiated(&self) -> bool {
        self.negotiated
    }

    pub(crate) fn section(&self, mid: &str) -> Option<u16> {
        let index = self.sections.iter().position(|(name, _)| name == mid)?;
        u16::try_from(index).ok()
    }

    pub(crate) fn takes(&self, section: u16) -> Takes {
        self.sections.get(usize::from(section)).map_or(Takes::default(), |(_, takes)| *takes)
    }

    pub(crate) fn queued(&self, section: u16) -> usize {
        self.queued.get(usize::from(section)).copied().unwrap_or(0)
    }

    pub(crate) fn note_queued(&mut self, section: u16, packets: usize) {
        let index = usize::from(section);
        if self.queued.len() <= index {
            self.queued.resize(index + 1, 0);
        }
        self.queued[index] = packets;
    }

    pub(crate) fn seek(&mut self, seek: Seek) {
        if self.sought.replace(seek) != Some(seek) {
            self.order(Task::Seek(seek));
        }
    }

    pub(crate) fn accept_offer(&mut self, sdp: String, plan: Vec<SectionPlan>) {
        self.round = self.round.wrapping_add(1);
        self.order(Task::AcceptOffer { round: self.round, sdp, plan });
    }

    /// An answer was made. Whether it is to the client's last offer.
    pub(crate) fn on_answered(&mut self, round: u32, sections: Sections) -> bool {
        self.note_sections(sections);
        round == self.round
    }

    pub(crate) fn make_offer(&mut self, changes: Vec<OfferChange>, ice_restart: bool) {
        self.offering = Some(false);
        self.order(Task::MakeOffer { changes, ice_restart });
    }

    /// Our offer was made. Whether it still counts: it does not if the client came back before it was.
    pub(crate) fn on_offered(&mut self) -> bool {
        self.offering.take() == Some(false)
    }

    /// The client came back: of what is still being answered or made it knows nothing.
    pub(crate) fn resumed(&mut self) {
        self.round = self.round.wrapping_add(1);
        if let Some(void) = &mut self.offering {
            *void = true;
        }
    }

    pub(crate) fn settle_offer(&mut self, known: Option<(String, String)>) {
        self.order(Task::SettleOffer { known });
    }

    /// Takes the client's answer, unless another one is being taken.
    pub(crate) fn accept_answer(&mut self, sdp: String) {
        if !std::mem::replace(&mut self.taking, true) {
            self.order(Task::AcceptAnswer { sdp });
        }
    }

    pub(crate) fn on_taken(&mut self, sections: Sections) {
        self.taking = false;
        self.note_sections(sections);
    }

    pub(crate) fn note_sections(&mut self, sections: Sections) {
        self.negotiated |= !sections.is_empty();
        self.sections = sections;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far() -> Far {
        let mut far = Far::new(1, ConnectionKey { room: 1, peer: PeerKey(1), subscriber: true }, Instant::now());
        assert!(matches!(far.take_tasks()[..], [Task::Open]));
        far
    }

    #[test]
    fn an_answer_to_an_offer_before_the_last_comes_too_late() {
        let mut far = far();
        far.accept_offer("first".into(), Vec::new());
        far.accept_offer("second".into(), Vec::new());
        let sections = vec![("a".to_owned(), Takes::default()), ("b".to_owned(), Takes::default())];

        assert!(!far.on_answered(1, sections.clone()));
        assert!(far.on_answered(2, sections.clone()));
        assert!(far.is_negotiated());
        far.resumed();
        assert!(!far.on_answered(2, sections.clone()));
        assert_eq!([far.section("a"), far.section("b"), far.section("c")], [Some(0), Some(1), None]);
    }

    #[test]
    fn what_was_under_way_when_the_client_came_back_is_void() {
        let mut far = far();
        far.make_offer(Vec::new(), false);
        assert!(far.on_offered());

        far.make_offer(Vec::new(), false);
        far.resumed();
        assert!(!far.on_offered());
    }

    #[test]
    fn one_answer_is_taken_at_a_time_and_nothing_is_sought_twice() {
        let mut far = far();
        far.accept_answer("first".into());
        far.accept_answer("again".into());
        far.on_taken(Vec::new());
        far.accept_answer("second".into());
        let seek = Seek { paced: true, minimum: 0, desired: 5 };
        far.seek(seek);
        far.seek(seek);

        let tasks = far.take_tasks();
        assert!(matches!(&tasks[..], [Task::AcceptAnswer { sdp: a }, Task::AcceptAnswer { sdp: b }, Task::Seek(_)]
                if a == "first" && b == "second"));
    }
}
