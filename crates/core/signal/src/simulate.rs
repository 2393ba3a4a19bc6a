//! Trouble that a client asks for, so that whoever writes one can see how it takes it (media-protocol.md section 6.1). It is
//! done to the client's own session; the others notice what they would notice of such trouble, and are told nothing that is not
//! true.

use crate::room::MediaRoom;
use crate::types::{Dropped, Now, Output, PeerKey, Protocol};
use std::time::{Duration, Instant};
use wire::lk;
use wire::lk::leave_request::Action;
use wire::lk::signal_response::Message as Response;
use wire::lk::simulate_scenario::Scenario;

/// How soon a client has to resume for the resume to be cut off: it does so at once.
const CUT_WITHIN: Duration = Duration::from_secs(5);

/// Longest time in seconds for which a client is told that it speaks.
const LONGEST_SPEECH: u64 = 60;

/// How loud it is then told to be, in the steps that levels come in (section 12.2).
const SPEECH_LEVEL: f32 = 7.0 / 8.0;

/// What a client asked for that is still to come.
#[derive(Debug, Default)]
pub(crate) struct Simulated {
    /// The next resume until then is cut off.
    cut: Option<(Cut, Instant)>,
    /// It is told until then that it speaks.
    pub(crate) speaks_until: Option<Instant>,
}

impl Simulated {
    /// How the resume that happens now is to be cut off; the one after it is not.
    pub(crate) fn take_cut(&mut self, now: Now) -> Option<Cut> {
        self.cut.take().filter(|(_, until)| now.at <= *until).map(|(cut, _)| cut)
    }
}

/// When the socket of a resume closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Before anything is said.
    Unheard,
    /// When everything is said that a resume begins with.
    Heard,
}

impl MediaRoom {
    /// Carries out what a client asks for. Why nothing was done, if so.
    pub(crate) fn simulate(&mut self, peer: PeerKey, scenario: Option<Scenario>, now: Now) -> Option<Dropped> {
        match scenario {
            Some(Scenario::SpeakerUpdate(seconds)) if seconds > 0 => self.pretend_speech(peer, seconds, now),
            // What a dead node looks like: no word of farewell, and nobody who knows of the session.
            Some(Scenario::NodeFailure(true)) => {
                self.outputs.push_back(Output::CloseLink { to: peer });
                self.end(peer, lk::DisconnectReason::ServerShutdown, now);
            }
            // There is no other node: the client starts over (section 5.6).
            Some(Scenario::Migration(true)) => {
                self.dismiss(peer, lk::DisconnectReason::Migration, Action::Reconnect, now);
            }
            Some(Scenario::ServerLeave(true)) => {
                self.dismiss(peer, lk::DisconnectReason::ServerShutdown, Action::Disconnect, now);
            }
            Some(Scenario::LeaveRequestFullReconnect(true)) => self.session_failed(peer, now),
            Some(Scenario::DisconnectSignalOnResume(true)) => self.cut_next_resume(peer, Cut::Heard, now),
            Some(Scenario::DisconnectSignalOnResumeNoMessages(true)) => self.cut_next_resume(peer, Cut::Unheard, now),
            Some(Scenario::SubscriberBandwidth(bits)) => {
                let bits = u64::try_from(bits).ok().filter(|bits| *bits > 0);
                self.outputs.push_back(Output::Narrow { peer, bits });
            }
            Some(Scenario::SwitchCandidateProtocol(protocol)) => {
                let protocol = match lk::CandidateProtocol::try_from(protocol) {
                    Ok(lk::CandidateProtocol::Udp) => Protocol::Udp,
                    Ok(lk::CandidateProtocol::Tcp) => Protocol::Tcp,
                    Ok(lk::CandidateProtocol::Tls) => Protocol::Tls,
                    Err(_) => return Some(Dropped::Simulation),
                };
                self.outputs.push_back(Output::Switch { peer, protocol });
            }
            Some(
                Scenario::SpeakerUpdate(_)
                | Scenario::NodeFailure(false)
                | Scenario::Migration(false)
                | Scenario::ServerLeave(false)
                | Scenario::LeaveRequestFullReconnect(false)
                | Scenario::DisconnectSignalOnResume(false)
                | Scenario::DisconnectSignalOnResumeNoMessages(false),
            )
            | None => return Some(Dropped::Simulation),
        }
        None
    }

    fn cut_next_resume(&mut self, peer: PeerKey, cut: Cut, now: Now) {
        if let Some(participant) = self.participants.get_mut(&peer) {
            participant.simulated.cut = Some((cut, now.at + CUT_WITHIN));
        }
    }

    /// Only the client itself is told: to the others it would be a lie.
    fn pretend_speech(&mut self, peer: PeerKey, seconds: i32, now: Now) {
        let Some(participant) = self.participants.get_mut(&peer) else { return };
        let seconds = u64::try_from(seconds).unwrap_or(0).min(LONGEST_SPEECH);
        participant.simulated.speaks_until = Some(now.at + Duration::from_secs(seconds));
        let speaker = lk::SpeakerInfo { sid: participant.sid().to_owned(), level: SPEECH_LEVEL, active: true };
        self.send(peer, Response::SpeakersChanged(lk::SpeakersChanged { speakers: vec![speaker] }));
    }

    /// The time is over: the client is told how it is.
    pub(crate) fn end_pretended_speech(&mut self, peer: PeerKey) {
        if let Some(participant) = self.participants.get_mut(&peer) {
            participant.simulated.speaks_until = None;
            self.tell_speakers(peer, &[peer], true);
        }
    }
}
