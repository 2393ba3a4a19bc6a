//! One meeting as a value. It decides who may do what and who must be told; it never waits, sends or stores.
//!
//! Whoever owns a [`Room`] does that: call one verb, then drain [`Room::poll_output`] to `None`, first committing every
//! [`Output::Store`], then carrying out the rest in order. Time comes in as a [`Moment`], randomness as a seed, so a
//! test can own a room too and a two-hour meeting plays in a millisecond.

mod admission;
mod analytics;
mod breakouts;
mod broadcast;
mod chat;
mod chat_actions;
mod chat_marks;
mod devices;
mod duration;
mod files;
mod forward;
mod ids;
mod journal;
mod life;
mod limits;
mod locks;
mod moderation;
mod notices;
mod outbox;
mod output;
mod person;
mod player;
mod polls;
mod presence;
mod presenter;
mod queue;
mod recorder;
mod removal;
mod requests;
mod rest;
mod rules;
mod shared;
mod state;
mod tell;
mod told;
mod unsent;
mod waiting;

pub use admission::{
    Admission, AdmitRefusal, Authorization, AuthorizeRefusal, Claim, ConnectRefusal, Connected, PersonIdentity, Ticket,
};
pub use analytics::{ClientReport, Figures, LateFigures};
pub use breakouts::{BreakoutPlan, BreakoutRefusal, BreakoutStatus, HelpCall};
pub use broadcast::{Announcement, Audience, BroadcastRefusal};
pub use duration::ProlongRefusal;
pub use files::{FileRefusal, NewFile, Quota, RoomFile, UploadBounds};
pub use forward::ClientSubject;
pub use journal::{Entry, RestoreError, Restored};
pub use life::{EndReason, Phase};
pub use locks::LockService;
pub use moderation::{Device, Moderation, ModerationRefusal, Whom};
pub use notices::{Forwarded, MediaStep, Notification, OnMedia};
pub use outbox::{Delivery, Route};
pub use output::{ConnId, CoreMessage, Farewell, Moment, Output};
pub use person::Blocked;
pub use player::{MediaUrl, NoMediaUrl, PlayerRefusal};
pub use polls::{OptionReport, PollAsk, PollRefusal, PollReport, PollVote};
pub use presence::MediaStanding;
pub use recorder::RecorderReport;
pub use removal::BlockedPerson;
pub use requests::Request;
pub use state::{NewRoom, PersonView, Room, RoomView};
pub use waiting::{Guests, WaitingRefusal};
