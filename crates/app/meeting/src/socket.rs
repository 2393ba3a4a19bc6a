//! A browser's messaging socket as the application sees it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::UserId;
use room::{ClientSubject, ConnId, CoreMessage, Delivery, Farewell};
use tokio::sync::mpsc;

use crate::actor::{FromSocket, Letter, RoomHandle};
use crate::meetings::AccessError;

/// How many messages wait for one socket's task. One that lets more pile up does not read; it is closed, and its
/// browser reconnects and is brought up to date.
pub(crate) const DOWN_QUEUE: usize = 2048;

/// What a socket is told.
#[derive(Debug, Clone)]
pub enum Down {
    /// One reliable message.
    Deliver(Delivery),
    /// One fire-and-forget message.
    Forward(Arc<CoreMessage>),
    /// Close, after the farewell if there is one.
    Hangup(Option<Farewell>),
}

/// Why a socket was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The token opens nothing, or nothing any more.
    #[error("the token opens no meeting")]
    Access(#[from] AccessError),
}

/// One authenticated socket. Drop it, or call [`Self::close`], when the socket is gone.
#[derive(Debug)]
pub struct SocketLink {
    pub(crate) conn: ConnId,
    pub(crate) room: RoomHandle,
    pub(crate) user: UserId,
    pub(crate) admitted: bool,
    /// What to send; ends when the room is over or lets go of the socket.
    pub down: mpsc::Receiver<Down>,
}

impl SocketLink {
    /// Who it is.
    pub const fn user(&self) -> &UserId {
        &self.user
    }

    /// In which room.
    pub fn room(&self) -> &model::RoomId {
        self.room.id()
    }

    /// Whether it takes part in chat, whiteboard and data; not so in the waiting room.
    pub const fn admitted(&self) -> bool {
        self.admitted
    }

    /// A reliable client event, encoded `NatsMsgClientToServer`. Waits while the room is busy.
    pub async fn worker(&self, payload: Bytes) {
        self.send(FromSocket::Worker(payload)).await;
    }

    /// A message to the other participants.
    pub async fn publish(&self, subject: ClientSubject, payload: Bytes) {
        self.send(FromSocket::Publish(subject, payload)).await;
    }

    /// The consumer takes so many messages now.
    pub async fn credit(&self, available: u32) {
        self.send(FromSocket::Credit(available)).await;
    }

    /// A message was handled.
    pub async fn ack(&self, stream_seq: u64) {
        self.send(FromSocket::Ack(stream_seq)).await;
    }

    /// A message could not be handled.
    pub async fn nak(&self, stream_seq: u64, delay: Option<Duration>) {
        self.send(FromSocket::Nak(stream_seq, delay)).await;
    }

    /// A message takes longer.
    pub async fn working(&self, stream_seq: u64) {
        self.send(FromSocket::Working(stream_seq)).await;
    }

    /// The socket is gone.
    pub async fn close(self) {
        self.send(FromSocket::Closed).await;
    }

    async fn send(&self, what: FromSocket) {
        self.room.send(Letter::Socket(self.conn, what)).await;
    }
}
