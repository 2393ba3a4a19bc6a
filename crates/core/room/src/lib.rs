//! One meeting as a value. It decides who may do what and who must be told; it never waits, sends or stores.
//!
//! Whoever owns a [`Room`] does that: call one verb, then drain [`Room::poll_output`] to `None`, first committing every
//! [`Output::Store`], then carrying out the rest in order. Time comes in as a [`Moment`], randomness as a seed, so a
//! test can own a room too and a two-hour meeting plays in a millisecond.

mod admission;
mod breakouts;
mod chat;
mod chat_actions;
mod chat_marks;
mod duration;
mod forward;
mod ids;
mod journal;
mod life;
mod limits;
mod notices;
mod outbox;
mod output;
mod person;
mod player;
mod polls;
mod presence;
mod requests;
mod rules;
mod state;
mod tell;
mod waiting;

pub use admission::{
    Admission, AdmitRefusal, Authorization, AuthorizeRefusal, Claim, ConnectRefusal, Connected, PersonIdentity, Ticket,
};
pub use breakouts::{BreakoutPlan, BreakoutRefusal, BreakoutStatus, HelpCall};
pub use duration::ProlongRefusal;
pub use forward::ClientSubject;
pub use journal::{Entry, RestoreError, Restored};
pub use life::{EndReason, Phase};
pub use notices::{MediaStep, Notification, OnMedia};
pub use outbox::{Delivery, Route};
pub use output::{ConnId, CoreMessage, Farewell, Moment, Output};
pub use player::{MediaUrl, NoMediaUrl, PlayerRefusal};
pub use polls::{PollAsk, PollRefusal, PollReport, PollVote};
pub use requests::Request;
pub use state::{NewRoom, PersonView, Room, RoomView};
pub use waiting::{Guests, WaitingRefusal};
