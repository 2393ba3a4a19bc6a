//! What each operation of a client does, after the checks who may do it and how often.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;

use super::{Phase, Session};
use crate::{
    ClientSubject, CloseReason, Event, ProtocolError, Worker,
    ack::{self, Verdict},
    config::{self, Names, Target},
    control::Connect,
    limits,
    parse::{Op, Publication},
    pull::PullRequest,
    reply::{self, ApiError},
    subscriptions::{self, Full},
};

impl Session {
    pub(super) fn handle_op(&mut self, now: Instant, op: Op) {
        match (self.phase.clone(), op) {
            (Phase::Greeting | Phase::Authenticating, Op::Connect(connect)) => self.introduce(connect),
            (Phase::Greeting | Phase::Authenticating, _) => {
                self.fail("Authorization Violation", CloseReason::AuthFailed);
            }
            (Phase::Bound(_), Op::Connect(_)) => self.protocol_error(ProtocolError::SecondConnect),
            (Phase::Bound(_), Op::Pong) => {}
            (Phase::Bound(_), Op::Ping) => {
                if self.control_allowed(now) {
                    self.outgoing.urgent(b"PONG\r\n");
                    self.check_queue();
                }
            }
            (Phase::Bound(names), Op::Subscribe { subject, sid }) => {
                if self.control_allowed(now) {
                    self.subscribe(now, &names, subject, sid);
                }
            }
            (Phase::Bound(_), Op::Unsubscribe { sid, max }) => {
                if self.control_allowed(now) {
                    self.subscriptions.unsubscribe(&sid, max);
                    if !self.subscriptions.contains(&sid) {
                        self.drop_pulls(&sid);
                    }
                }
            }
            (Phase::Bound(names), Op::Publish(publication)) => self.published(now, &names, publication),
        }
    }

    fn introduce(&mut self, connect: Connect) {
        let Some(token) = connect.auth_token.clone().filter(|token| !token.is_empty()) else {
            return self.fail("Authorization Violation", CloseReason::AuthFailed);
        };
        let mut name = connect.name.clone().unwrap_or_default();
        name.truncate(name.floor_char_boundary(limits::MAX_NAME));
        self.client = connect;
        self.phase = Phase::Authenticating;
        self.events.push_back(Event::Authenticate { token, name });
    }

    fn subscribe(&mut self, now: Instant, names: &Names, subject: String, sid: String) {
        if !subscriptions::well_formed(&subject) || !names.may_subscribe(&subject) {
            let text = format!("Permissions Violation for Subscription to \"{subject}\"");
            return self.refuse(now, &text);
        }
        self.drop_pulls(&sid);
        if let Err(Full) = self.subscriptions.insert(subject, sid) {
            self.refuse(now, "Maximum Subscriptions Exceeded");
        }
    }

    fn published(&mut self, now: Instant, names: &Arc<Names>, publication: Publication) {
        let Publication { subject, reply, payload } = publication;
        let reply = reply.filter(|reply| config::is_inbox(reply));
        let reply = reply.as_deref();
        match names.target(&self.config, &subject) {
            Target::Forbidden => {
                let text = format!("Permissions Violation for Publish to \"{subject}\"");
                self.refuse(now, &text);
            }
            Target::Ack => self.acknowledged(now, names, &subject, reply, payload),
            Target::Pull => self.pulled(now, names, reply, payload),
            Target::AccountInfo => self.requested(now, reply, |_| reply::account_info()),
            Target::ConsumerInfo => self.requested(now, reply, |session| {
                reply::consumer_info(&session.config, names, session.last_delivered, session.pulls.len())
            }),
            Target::UnknownConsumer => {
                self.requested(now, reply, |_| ApiError::ConsumerNotFound.to_consumer_info());
            }
            Target::UnknownStream => self.requested(now, reply, |_| ApiError::StreamNotFound.to_consumer_info()),
            Target::Worker(Worker::JetStream) => self.worker_event(now, reply, payload),
            Target::Worker(Worker::Core) => {
                if !self.rates.core_worker.take(now) {
                    self.refused(now);
                } else if let Some(payload) = payload {
                    self.events.push_back(Event::Worker { channel: Worker::Core, payload, receipt: None });
                }
            }
            Target::Client(client) => self.forward(now, client, &subject, reply, payload),
        }
    }

    /// A reliable client event: acknowledged when the owner says that it can no longer get lost.
    fn worker_event(&mut self, now: Instant, reply: Option<&str>, payload: Option<Bytes>) {
        if self.receipts.len() >= limits::MAX_UNCONFIRMED || !self.rates.js_worker.take(now) {
            self.respond(reply, &ApiError::RateLimit.to_publish());
            return self.refused(now);
        }
        let Some(payload) = payload else {
            return self.respond(reply, &ApiError::MessageTooLarge.to_publish());
        };
        self.publish_seq += 1;
        if let Some(reply) = reply {
            self.receipts.push_back((self.publish_seq, reply.to_owned()));
        }
        let receipt = Some(self.publish_seq);
        self.events.push_back(Event::Worker { channel: Worker::JetStream, payload, receipt });
    }

    /// The owner has everything up to this receipt: acknowledges it to the client. It waits five seconds and then tries
    /// again, so this does not stand behind bulk data.
    pub fn confirm(&mut self, upto: u64) {
        while let Some((receipt, reply)) = self.receipts.pop_front() {
            if receipt > upto {
                self.receipts.push_front((receipt, reply));
                return;
            }
            let ack = reply::publish_ack(&self.config.subjects.system_js_worker, receipt);
            self.answer_at_once(&reply, &ack);
        }
    }

    /// A message for the others in the room.
    fn forward(
        &mut self,
        now: Instant,
        client: ClientSubject,
        subject: &str,
        reply: Option<&str>,
        payload: Option<Bytes>,
    ) {
        let bucket = match client {
            ClientSubject::Chat => &mut self.rates.chat,
            ClientSubject::Whiteboard => &mut self.rates.whiteboard,
            ClientSubject::DataChannel => &mut self.rates.data_channel,
        };
        if !bucket.take(now) {
            return self.refused(now);
        }
        if !self.admitted {
            return;
        }
        match payload {
            Some(payload) => self.events.push_back(Event::Publish { subject: client, payload }),
            None => {
                self.events.push_back(Event::TooLarge { subject: client });
                self.refuse(now, &format!("Maximum Payload Violation for \"{subject}\""));
            }
        }
        // Nobody serves requests on these subjects.
        if self.client.headers && self.client.no_responders {
            self.answer(reply, Some(reply::NO_RESPONDERS), &Bytes::new());
        }
    }

    fn requested(&mut self, now: Instant, reply: Option<&str>, answer: impl FnOnce(&Self) -> Bytes) {
        if self.control_allowed(now) {
            let answer = answer(self);
            self.respond(reply, &answer);
        }
    }

    fn pulled(&mut self, now: Instant, names: &Names, reply: Option<&str>, payload: Option<Bytes>) {
        if self.control_allowed(now)
            && let Some(request) = payload.as_deref().and_then(PullRequest::parse)
        {
            self.open_pull(now, names, reply, &request);
        }
    }

    fn open_pull(&mut self, now: Instant, names: &Names, inbox: Option<&str>, request: &PullRequest) {
        let Some(inbox) = inbox else { return };
        let Some(subscription) = self.subscriptions.find(inbox) else { return };
        let sid = subscription.sid.clone();
        let evicted = self.pulls.open(now, inbox.to_owned(), sid, request);
        self.notify(evicted.into_iter().collect());
        self.deliver_waiting(now, names);
        self.credit_changed();
    }

    fn acknowledged(
        &mut self,
        now: Instant,
        names: &Names,
        subject: &str,
        reply: Option<&str>,
        payload: Option<Bytes>,
    ) {
        if !self.rates.acks.take(now) {
            return self.refused(now);
        }
        let Some(stream_seq) = ack::parse_subject(subject, &self.config.stream, &names.consumer) else { return };
        let Some(verdict) = payload.as_deref().and_then(ack::parse_body) else { return };
        let event = match verdict {
            Verdict::Ack => Event::Ack { stream_seq },
            Verdict::Nak(delay) => Event::Nak { stream_seq, delay },
            Verdict::Working => Event::Working { stream_seq },
            Verdict::Term => Event::Term { stream_seq },
            Verdict::Next(request) => {
                self.events.push_back(Event::Ack { stream_seq });
                if let Some(request) = request {
                    self.open_pull(now, names, reply, &request);
                }
                return;
            }
        };
        self.events.push_back(event);
        // A client that asks for it is told that its word arrived.
        self.respond(reply, &Bytes::new());
    }

    fn drop_pulls(&mut self, sid: &str) {
        if self.pulls.drop_sid(sid) {
            self.credit_changed();
        }
    }

    fn respond(&mut self, reply: Option<&str>, payload: &Bytes) {
        self.answer(reply, None, payload);
    }

    /// Answers a request if the client listens for the answer.
    fn answer(&mut self, reply: Option<&str>, header: Option<&str>, payload: &Bytes) {
        let Some(reply) = reply else { return };
        let Some(subscription) = self.subscriptions.find(reply) else { return };
        let sid = subscription.sid.clone();
        self.send(reply, &sid, None, header, payload);
    }

    fn answer_at_once(&mut self, reply: &str, payload: &Bytes) {
        let Some(subscription) = self.subscriptions.find(reply).filter(|_| self.closing.is_none()) else { return };
        let sid = subscription.sid.clone();
        let mut frame = reply::head(reply, &sid, None, None, payload.len());
        frame.extend_from_slice(payload);
        frame.extend_from_slice(b"\r\n");
        self.outgoing.urgent(&frame);
        self.sent_on(&sid);
    }

    fn control_allowed(&mut self, now: Instant) -> bool {
        let allowed = self.rates.control.take(now);
        if !allowed {
            self.refused(now);
        }
        allowed
    }

    /// Refuses an operation and says so; the connection stays.
    fn refuse(&mut self, now: Instant, text: &str) {
        self.outgoing.urgent(&reply::error(text));
        self.check_queue();
        self.refused(now);
    }

    /// Counts a refused operation, and ends a flood of them.
    fn refused(&mut self, now: Instant) {
        if self.refusals.note(now) {
            self.fail("Rate Limit Exceeded", CloseReason::Flood);
        }
    }
}
