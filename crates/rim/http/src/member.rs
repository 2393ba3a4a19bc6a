//! `/api/*`: what members of a meeting ask for, one file per endpoint or family (http-api.md section 4).

pub(crate) mod breakouts;
pub(crate) mod connection;
pub(crate) mod end_room;
pub(crate) mod extensions;
pub(crate) mod gateways;
pub(crate) mod increase_duration;
pub(crate) mod insights;
pub(crate) mod lock_settings;
pub(crate) mod media_player;
pub(crate) mod moderated;
pub(crate) mod mute;
pub(crate) mod not_served;
pub(crate) mod polls;
pub(crate) mod presenter;
pub(crate) mod recording;
pub(crate) mod remove;
pub(crate) mod shared;
mod shown;
pub(crate) mod verify_token;
pub(crate) mod waiting_room;

pub(crate) use moderated::NOT_ALLOWED;
