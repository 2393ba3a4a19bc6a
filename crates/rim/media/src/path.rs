//! Which of several ways to a client is in use.
//!
//! The client decides: it marks its checks on the way it wants with USE-CANDIDATE. The WebRTC stack keeps to the way of
//! highest priority as long as that was heard of in the last fifteen seconds, which is too long for a call whose network has
//! just changed: a new address behind a translation, a telephone that leaves the wireless network, UDP that is blocked from
//! one moment to the next. So what is no answer to a check goes where the client last said (RFC 8445 section 8.1.1).
//!
//! Two things are not taken for its word. A client that marks every check (RFC 5245 section 8.1.1.2, Firefox) means the best
//! of its ways, and may mark a worse one late that it then closes: a worse one has to be meant, by a second mark or by what
//! comes from it. And a mark says nothing of whether what is sent there arrives at the client: its source may be somebody
//! else's address. So the client is asked there first, by a check of ours that only who receives it can answer (RFC 8445 lets
//! a lite agent trust the mark; RFC 7675 says why one should not). Only the first way is used before that, as nothing but a
//! handshake goes there which ends with the client's answer; TCP connections and allocations of our TURN server prove themselves.

use crate::detour;
use crate::stun::{self, Mark};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A worse way that is marked again after so long is meant. Chromium marks the way it uses every 0.9 to 2.5 seconds, one that
/// marks every check does so once.
const INSISTS: Duration = Duration::from_millis(750);

/// Of a way in use something comes more often than that while media or feedback flow: else another that is marked, or from
/// which media come, is the better one.
const QUIET: Duration = Duration::from_secs(1);

/// A way in use is checked by its client at least that often, whatever flows (RFC 7675 section 5.1: every 4 to 6 seconds).
pub(crate) const SILENT: Duration = Duration::from_secs(8);

/// The client is asked again whether it is there when something comes from there after so long.
const AGAIN: Duration = Duration::from_millis(100);

/// Ways besides the one in use that are known at a time.
const OTHERS: usize = 16;

/// Something that came from a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A check that marks its way.
    Mark(Mark),
    /// Another check.
    Check,
    /// An answer to a check of ours.
    Answer([u8; 12]),
    /// Anything else: media, control packets, handshakes. A client sends them by the way it uses.
    Traffic,
}

impl Heard {
    pub(crate) fn of(datagram: &[u8]) -> Self {
        if !stun::is_stun(datagram) {
            return Self::Traffic;
        }
        match (stun::mark(datagram), stun::answered(datagram)) {
            (Some(mark), _) => Self::Mark(mark),
            (None, Some(transaction)) => Self::Answer(transaction),
            (None, None) => Self::Check,
        }
    }
}

/// A way to the client.
#[derive(Debug)]
struct Way {
    remote: SocketAddr,
    local: SocketAddr,
    /// Of its last mark.
    priority: u32,
    heard: Instant,
    /// When the client checked it last.
    checked: Instant,
    /// What is sent there arrives at the client.
    proven: bool,
    /// When and with which transaction it was marked first since another one is in use.
    marked: Option<(Instant, [u8; 12])>,
    /// It was marked again after that.
    insists: bool,
    /// Traffic came from there after it was marked, or while the one in use was quiet.
    sends: bool,
    /// What was asked there and when.
    question: Option<([u8; 12], Instant)>,
}

impl Way {
    fn new(remote: SocketAddr, local: SocketAddr, at: Instant) -> Self {
        let proven = detour::is_detour(&remote);
        let (marked, question) = (None, None);
        let (heard, checked) = (at, at);
        Self { remote, local, priority: 0, heard, checked, proven, marked, insists: false, sends: false, question }
    }

    fn settle(&mut self) {
        (self.marked, self.insists, self.sends) = (None, false, false);
    }

    fn note(&mut self, at: Instant, heard: Heard, is_quiet: bool) {
        self.heard = at;
        match heard {
            Heard::Mark(mark) => {
                self.checked = at;
                self.priority = mark.priority;
                let (first, transaction) = *self.marked.get_or_insert((at, mark.transaction));
                // The same check again only says that its answer was lost.
                self.insists |= at.saturating_duration_since(first) >= INSISTS && transaction != mark.transaction;
            }
            Heard::Answer(transaction) => self.answer(transaction),
            Heard::Traffic => self.sends |= self.marked.is_some() || is_quiet,
            Heard::Check => self.checked = at,
        }
    }

    fn answer(&mut self, transaction: [u8; 12]) {
        if self.question.take_if(|(asked, _)| *asked == transaction).is_some() {
            self.proven = true;
        }
    }
}

/// How long the way in use takes there and back, by checks of ours.
#[derive(Debug, Default)]
struct Timing {
    /// What was asked and when. Nothing is asked twice, so that an answer is to the one question.
    asked: Option<([u8; 12], Instant)>,
    answered: Option<Duration>,
}

impl Timing {
    fn answer(&mut self, transaction: [u8; 12], at: Instant) {
        if let Some((_, asked)) = self.asked.take_if(|(asked, _)| *asked == transaction) {
            self.answered = Some(at.saturating_duration_since(asked));
        }
    }
}

/// The way in use, and what is known of others.
#[derive(Debug, Default)]
pub(crate) struct Path {
    current: Option<Way>,
    timing: Timing,
    /// The connection or allocation it stands for is gone, and there was no other yet.
    is_gone: bool,
    others: Vec<Way>,
}

impl Path {
    /// Whether a mark for that way may change anything: then its integrity has to be looked at.
    pub(crate) fn is_news(&self, remote: SocketAddr) -> bool {
        self.current.as_ref().is_none_or(|current| current.remote != remote)
    }

    /// Something came by a way; a mark of one that [is news](Self::is_news) was found to be the client's. Returns whether
    /// another one was in use until now.
    #[inline]
    pub(crate) fn heard(&mut self, remote: SocketAddr, local: SocketAddr, heard: Heard, at: Instant) -> bool {
        match &mut self.current {
            Some(current) if current.remote == remote => {
                current.heard = at;
                match heard {
                    Heard::Mark(mark) => {
                        current.checked = at;
                        current.priority = mark.priority;
                        settle(&mut self.others, mark.priority);
                    }
                    Heard::Answer(transaction) => {
                        current.answer(transaction);
                        self.timing.answer(transaction, at);
                    }
                    Heard::Check => current.checked = at,
                    Heard::Traffic => {}
                }
                false
            }
            _ => self.heard_elsewhere(remote, local, heard, at),
        }
    }

    #[cold]
    fn heard_elsewhere(&mut self, remote: SocketAddr, local: SocketAddr, heard: Heard, at: Instant) -> bool {
        let silence = self.silence(at);
        let known = self.others.iter().position(|way| way.remote == remote);
        let index = match (known, heard) {
            (Some(index), _) => index,
            (None, Heard::Mark(_) | Heard::Check) => self.know(Way::new(remote, local, at)),
            // Nobody was shown to be there yet.
            (None, Heard::Answer(_) | Heard::Traffic) => return false,
        };
        self.others[index].note(at, heard, silence >= QUIET);
        let way = &self.others[index];
        if !self.is_wanted(way, at) {
            return false;
        }
        // Nothing but the handshake goes where the first one leads.
        let is_first = self.current.is_none();
        if !is_first && !way.proven {
            return false;
        }
        self.others[index].local = local;
        self.use_other(index);
        !is_first
    }

    /// For how long nothing came by the way in use.
    fn silence(&self, at: Instant) -> Duration {
        match &self.current {
            Some(current) if !self.is_gone => at.saturating_duration_since(current.heard),
            _ => Duration::MAX,
        }
    }

    /// Whether the client means that one rather than the one in use.
    fn is_wanted(&self, way: &Way, at: Instant) -> bool {
        let Some(current) = &self.current else { return way.marked.is_some() };
        let silence = self.silence(at);
        let is_meant = way.priority >= current.priority || way.insists || way.sends || silence >= QUIET;
        (way.marked.is_some() && is_meant) || (way.sends && silence >= QUIET) || silence >= SILENT
    }

    /// The one heard last is known rather than the one not heard for longest.
    fn know(&mut self, way: Way) -> usize {
        if self.others.len() >= OTHERS
            && let Some(oldest) = (0..self.others.len()).min_by_key(|index| self.others[*index].heard)
        {
            self.others.swap_remove(oldest);
        }
        self.others.push(way);
        self.others.len() - 1
    }

    fn use_other(&mut self, index: usize) {
        let mut way = self.others.swap_remove(index);
        way.settle();
        settle(&mut self.others, way.priority);
        let before = self.current.replace(way);
        self.timing = Timing::default();
        if !std::mem::take(&mut self.is_gone) {
            self.others.extend(before);
        }
    }

    /// Whether the client has to be asked whether it is where that came from: then with which transaction, if it was asked
    /// before.
    #[inline]
    pub(crate) fn asks(&self, remote: SocketAddr, heard: Heard, at: Instant) -> Option<Option<[u8; 12]>> {
        let (way, matters) = match &self.current {
            Some(current) if current.remote == remote => {
                // It matters when it has been left, and need not be known at once.
                (current, matches!(heard, Heard::Mark(_) | Heard::Check))
            }
            _ => {
                let way = self.others.iter().find(|way| way.remote == remote)?;
                (way, way.marked.is_some() || self.is_wanted(way, at))
            }
        };
        let is_early = way.question.is_some_and(|(_, asked)| at.saturating_duration_since(asked) < AGAIN);
        (!way.proven && matters && !is_early).then(|| way.question.map(|(transaction, _)| transaction))
    }

    /// It was asked.
    pub(crate) fn asked(&mut self, remote: SocketAddr, transaction: [u8; 12], at: Instant) {
        if let Some(way) = self.others.iter_mut().chain(&mut self.current).find(|way| way.remote == remote) {
            way.question = Some((transaction, at));
        }
    }

    /// Whether the client is there for certain: it has proven it, and still checks that way.
    pub(crate) fn holds(&self, remote: SocketAddr, at: Instant) -> bool {
        let way = self.current.iter().chain(&self.others).find(|way| way.remote == remote);
        way.is_some_and(|way| way.proven && at.saturating_duration_since(way.checked) < SILENT)
    }

    /// The connection or allocation that an address stands for is gone. Returns whether another way is in use now: the one
    /// heard last of those that are proven.
    pub(crate) fn lost(&mut self, remote: SocketAddr) -> bool {
        if self.is_news(remote) {
            self.others.retain(|way| way.remote != remote);
            return false;
        }
        self.is_gone = true;
        let proven = (0..self.others.len()).filter(|index| self.others[*index].proven);
        let Some(index) = proven.max_by_key(|index| self.others[*index].heard) else { return false };
        self.use_other(index);
        true
    }

    /// The way in use is asked how long it takes. Returns where from and where to, if there is one.
    pub(crate) fn time(&mut self, transaction: [u8; 12], at: Instant) -> Option<(SocketAddr, SocketAddr)> {
        let way = self.current.as_ref().filter(|_| !self.is_gone)?;
        if self.timing.asked.replace((transaction, at)).is_some() {
            self.timing.answered = None;
        }
        Some((way.local, way.remote))
    }

    /// How long the way in use took there and back when it was asked last; `None` before it answered and when it did not.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.timing.answered
    }

    /// From which address of ours to which address of theirs something goes for which the stack wants these two.
    #[inline]
    pub(crate) fn route(&self, source: SocketAddr, destination: SocketAddr) -> (SocketAddr, SocketAddr) {
        self.current.as_ref().map_or((source, destination), |current| (current.local, current.remote))
    }

    /// The client's end of it.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        self.current.as_ref().map(|current| current.remote)
    }
}

/// A way of that priority is meant: of others all that was said before does not count, but for better ones, of which it may
/// just not be proven yet that the client is there.
fn settle(others: &mut [Way], priority: u32) {
    others.iter_mut().filter(|way| way.priority <= priority).for_each(Way::settle);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], port))
    }

    fn stream(number: u32) -> SocketAddr {
        detour::address(detour::Kind::Stream, number, [192, 0, 2, 1].into())
    }

    const BETTER: u32 = 100;
    const WORSE: u32 = 50;

    /// A path and its clock, in milliseconds.
    struct Scene {
        path: Path,
        begun: Instant,
        now: u64,
        checks: u8,
    }

    impl Scene {
        /// The client has used a way of its better interface for three seconds.
        fn connected(remote: SocketAddr) -> Self {
            let mut scene = Self { path: Path::default(), begun: Instant::now(), now: 0, checks: 0 };
            assert!(!scene.mark(remote, BETTER));
            assert_eq!(scene.path.remote(), Some(remote));
            if !detour::is_detour(&remote) {
                assert!(!scene.prove(remote));
            }
            scene.pass(3_000, remote);
            scene
        }

        fn at(&self) -> Instant {
            self.begun + Duration::from_millis(self.now)
        }

        fn hear(&mut self, remote: SocketAddr, heard: Heard) -> bool {
            let at = self.at();
            self.path.heard(remote, address(9), heard, at)
        }

        /// A new check that marks.
        fn mark(&mut self, remote: SocketAddr, priority: u32) -> bool {
            self.checks += 1;
            self.hear(remote, Heard::Mark(Mark { priority, transaction: [self.checks; 12] }))
        }

        fn asks(&self, remote: SocketAddr) -> Option<Option<[u8; 12]>> {
            self.path.asks(remote, Heard::Check, self.at())
        }

        /// Asks and is answered.
        fn prove(&mut self, remote: SocketAddr) -> bool {
            assert_eq!(self.asks(remote), Some(None));
            let (question, at) = ([200; 12], self.at());
            self.path.asked(remote, question, at);
            self.hear(remote, Heard::Answer(question))
        }

        /// Traffic comes from there every 20 ms.
        fn pass(&mut self, millis: u64, from: SocketAddr) {
            for _ in 0..millis / 20 {
                self.now += 20;
                self.hear(from, Heard::Traffic);
            }
        }
    }

    #[test]
    fn what_the_stack_wants_holds_until_a_way_is_marked() {
        let mut scene = Scene { path: Path::default(), begun: Instant::now(), now: 0, checks: 0 };
        assert_eq!(scene.path.route(address(8), address(1)), (address(8), address(1)));
        assert!(scene.path.is_news(address(1)));

        scene.mark(address(1), BETTER);

        assert_eq!(scene.path.route(address(8), address(2)), (address(9), address(1)));
        assert!(!scene.path.is_news(address(1)));
    }

    #[test]
    fn a_late_check_on_a_worse_way_takes_nothing_over() {
        for late in [address(2), stream(1)] {
            let mut scene = Scene::connected(address(1));
            assert!(!scene.mark(late, WORSE));
            if late == address(2) {
                assert!(!scene.prove(late));
            }
            scene.pass(5_000, address(1));
            assert_eq!(scene.path.remote(), Some(address(1)));
        }
    }

    #[test]
    fn a_late_check_that_is_sent_again_because_its_answer_was_lost_is_one_mark() {
        let mut scene = Scene::connected(address(1));
        for _ in 0..10 {
            assert!(!scene.hear(stream(1), Heard::Mark(Mark { priority: WORSE, transaction: [7; 12] })));
            scene.pass(400, address(1));
        }
        assert_eq!(scene.path.remote(), Some(address(1)));
    }

    #[test]
    fn who_marks_a_worse_way_again_and_again_means_it() {
        let mut scene = Scene::connected(address(1));
        scene.mark(address(2), WORSE);
        scene.prove(address(2));
        scene.pass(900, address(1));
        assert!(scene.mark(address(2), WORSE));
        assert_eq!(scene.path.remote(), Some(address(2)));

        // Between marks of the better way they mean nothing.
        let mut scene = Scene::connected(address(1));
        for _ in 0..10 {
            assert!(!scene.mark(stream(1), WORSE));
            scene.pass(900, address(1));
            scene.mark(address(1), BETTER);
        }
        assert_eq!(scene.path.remote(), Some(address(1)));
    }

    #[test]
    fn who_sends_by_the_worse_way_that_was_marked_means_it() {
        let mut scene = Scene::connected(address(1));
        scene.hear(stream(1), Heard::Check);
        scene.hear(stream(1), Heard::Traffic);
        assert_eq!(scene.path.remote(), Some(address(1)), "nothing was marked yet");
        scene.mark(stream(1), WORSE);
        assert!(scene.hear(stream(1), Heard::Traffic));
        assert_eq!(scene.path.remote(), Some(stream(1)));
    }

    #[test]
    fn a_worse_way_is_taken_at_once_when_the_better_one_is_quiet() {
        let mut scene = Scene::connected(address(1));
        scene.now += 1_000;
        assert!(scene.mark(stream(1), WORSE));
    }

    #[test]
    fn of_ways_marked_at_once_the_best_is_in_use() {
        let priority = |port: u16| [10, 30, 20][usize::from(port) - 1];
        for (one, other) in [(2, 3), (3, 2)] {
            let mut scene = Scene { path: Path::default(), begun: Instant::now(), now: 0, checks: 0 };
            for port in 1..=3 {
                scene.mark(address(port), priority(port));
                let (question, at) = ([u8::try_from(port).unwrap(); 12], scene.at());
                scene.path.asked(address(port), question, at);
            }
            scene.mark(address(1), priority(1));
            for port in [one, other] {
                scene.hear(address(port), Heard::Answer([u8::try_from(port).unwrap(); 12]));
            }
            assert_eq!(scene.path.remote(), Some(address(2)));
        }
    }

    #[test]
    fn a_new_address_is_used_when_the_client_has_answered_there() {
        let mut scene = Scene::connected(address(1));

        assert!(!scene.mark(address(2), BETTER));
        scene.hear(address(2), Heard::Answer([0; 12]));
        assert_eq!(scene.path.remote(), Some(address(1)), "nobody was asked that");
        assert!(scene.prove(address(2)));

        // Back where it was it needs no proof.
        assert!(scene.mark(address(1), BETTER));
        assert_eq!(scene.asks(address(1)), None);
    }

    #[test]
    fn the_first_way_is_no_more_proven_than_others_when_it_was_left() {
        let mut scene = Scene { path: Path::default(), begun: Instant::now(), now: 0, checks: 0 };
        scene.mark(address(1), BETTER);
        assert_eq!(scene.path.remote(), Some(address(1)));
        assert_eq!(scene.path.asks(address(1), Heard::Traffic, scene.at()), None, "that is often");
        scene.mark(address(2), BETTER);
        assert!(scene.prove(address(2)));

        assert!(!scene.mark(address(1), BETTER));
        assert!(!scene.path.lost(address(2)));
        assert!(scene.prove(address(1)));
    }

    #[test]
    fn a_client_is_asked_again_with_the_same_question_and_not_too_often() {
        let mut scene = Scene::connected(address(1));
        assert_eq!(scene.asks(address(2)), None);
        scene.mark(address(2), WORSE);
        let at = scene.at();
        scene.path.asked(address(2), [7; 12], at);
        assert_eq!(scene.path.asks(address(2), Heard::Check, at + AGAIN - Duration::from_millis(1)), None);
        assert_eq!(scene.path.asks(address(2), Heard::Check, at + AGAIN), Some(Some([7; 12])));
    }

    #[test]
    fn whoever_falls_silent_on_the_way_in_use_is_reached_where_it_is_heard() {
        // Media come from elsewhere.
        let mut scene = Scene::connected(address(1));
        scene.mark(stream(1), BETTER);
        scene.pass(980, address(1));
        assert_eq!(scene.path.remote(), Some(stream(1)));
        scene.pass(20, address(1));
        assert_eq!(scene.path.remote(), Some(address(1)));

        // Nothing but checks do.
        scene.mark(stream(1), BETTER);
        for _ in 0..7 {
            scene.now += 1_000;
            assert!(!scene.hear(address(1), Heard::Check));
        }
        scene.now += 1_000;
        assert!(scene.hear(address(1), Heard::Check));
    }

    #[test]
    fn when_a_connection_closes_the_proven_way_heard_last_is_used() {
        let mut scene = Scene::connected(address(1));
        for way in [stream(1), stream(2)] {
            scene.mark(way, BETTER);
        }
        scene.mark(address(3), WORSE);
        assert!(!scene.path.lost(stream(9)));
        assert!(scene.path.lost(stream(2)), "heard before the one that is not proven");
        assert_eq!(scene.path.remote(), Some(stream(1)));
        assert!(!scene.path.lost(stream(2)), "it is gone already");
        assert!(scene.path.lost(stream(1)));
        assert_eq!(scene.path.remote(), Some(address(1)));
    }

    #[test]
    fn when_a_connection_closes_before_another_way_is_proven_the_next_one_heard_is_used() {
        let mut scene = Scene::connected(stream(1));
        scene.hear(address(1), Heard::Check);
        assert_eq!(scene.asks(address(1)), None);

        assert!(!scene.path.lost(stream(1)));
        assert!(scene.prove(address(1)));
        assert_eq!(scene.path.remote(), Some(address(1)));
    }

    #[test]
    fn a_client_holds_an_address_as_long_as_it_proves_to_be_there() {
        let mut scene = Scene { path: Path::default(), begun: Instant::now(), now: 0, checks: 0 };
        scene.mark(address(1), BETTER);
        assert!(!scene.path.holds(address(1), scene.at()), "a check alone proves nothing");
        assert!(!scene.prove(address(1)));
        assert!(scene.path.holds(address(1), scene.at()));

        scene.pass(7_980, address(1));
        assert!(scene.path.holds(address(1), scene.at()));
        scene.hear(address(1), Heard::Check);
        scene.pass(7_980, address(1));
        assert!(scene.path.holds(address(1), scene.at()));
        scene.pass(20, address(1));
        assert!(!scene.path.holds(address(1), scene.at()), "anybody may send media from there");

        // A way besides the one in use.
        scene.mark(address(2), WORSE);
        assert!(!scene.path.holds(address(2), scene.at()));
        assert!(!scene.prove(address(2)));
        assert!(scene.path.holds(address(2), scene.at()) && !scene.path.holds(address(3), scene.at()));
    }

    #[test]
    fn so_many_ways_are_known_and_no_more() {
        let mut scene = Scene::connected(address(1));
        for port in 2..100 {
            scene.mark(address(port), WORSE);
            scene.now += 1;
        }
        assert_eq!(scene.path.others.len(), OTHERS);
        assert_eq!(scene.asks(address(2)), None);
        assert_eq!(scene.asks(address(99)), Some(None));
    }
}
