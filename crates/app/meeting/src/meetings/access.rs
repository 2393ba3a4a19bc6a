//! The ways in: join tokens and what they open, messaging sockets, and the media room.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use model::{Identity, RoomId, SessionId, UserId};
use ports::media::{ConnectError, MediaJoin, Renewed, SignalLink};
use room::{AuthorizeRefusal, ConnId, Ticket};
use uuid::Uuid;
use wire::pnm;
use wire::token::{ApiKey, MediaAccess, MediaClaims, TokenError};

use super::{AccessError, JoinError, Meetings};
use crate::actor::{Letter, Opening, RoomHandle, Silence, now};
use crate::media_rooms;
use crate::relays::MediaWay;
use crate::socket::{OpenError, SocketLink};
use crate::tokens::{self, RENEWAL_GRACE, claims_for};

/// What a join token opens.
#[derive(Debug, Clone)]
pub struct Access {
    /// The room.
    pub room: RoomId,
    /// Its running session.
    pub session: SessionId,
    /// The person.
    pub user: UserId,
    /// From the room's list, not from the token (hardening rule S2).
    pub is_admin: bool,
    /// Still in the waiting room.
    pub is_waiting: bool,
    /// 0 web, 1 hybrid.
    pub client_type: i32,
    generation: Option<String>,
}

/// Somebody may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedJoin {
    /// Whether browsers make their own key; `None` without end-to-end encryption.
    pub self_inserted_key: Option<bool>,
}

/// Somebody with a media token wants to enter the media room.
#[derive(Debug, Clone)]
pub struct MediaAdmission {
    /// What is handed to the media plane; the gateway fills in the request and the topology.
    pub join: MediaJoin,
}

impl Meetings {
    /// Puts somebody on a room's list and makes their join token.
    ///
    /// # Errors
    /// When there is no such room or it refuses them.
    pub async fn join_token(&self, request: pnm::GenerateTokenReq) -> Result<String, JoinError> {
        let handle = self.find(&request.room_id).ok_or(JoinError::NoRoom)?;
        let user = request.user_info.unwrap_or_default();
        let client_type = user.client_type;
        let ticket = Ticket {
            user_id: user.user_id,
            name: user.name.clone(),
            is_admin: user.is_admin,
            is_hidden: user.is_hidden,
            client_type,
            metadata: user.user_metadata.unwrap_or_default(),
            generation: Uuid::new_v4().to_string(),
            spare_id: UserId::try_from(Uuid::new_v4().to_string().as_str()).map_err(|_| JoinError::NoRoom)?,
        };
        let asked = handle.change(|reply| Letter::Admit(Box::new(ticket), reply)).await;
        let admission = asked.map_err(|silence| match silence {
            Silence::Over => JoinError::NoRoom,
            Silence::Stuck => JoinError::Failed,
        })??;
        let person = room::PersonIdentity {
            name: &user.name,
            generation: &admission.generation,
            is_admin: user.is_admin,
            is_hidden: user.is_hidden,
            client_type,
        };
        let claims = claims_for(handle.id(), handle.session(), &admission.user_id, &person);
        Ok(self.mint(&claims))
    }

    /// What a join token opens right now.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub async fn authorize(&self, token: &str) -> Result<Access, AccessError> {
        self.authorize_with_grace(token, 0).await
    }

    async fn authorize_with_grace(&self, token: &str, grace: i64) -> Result<Access, AccessError> {
        let seconds = now().unix_ms / 1000;
        let claims = wire::token::verify_join(&self.0.around.credentials.api, token, seconds, grace)
            .map_err(|error| match error {
                TokenError::Expired => AccessError::Expired,
                TokenError::Invalid => AccessError::Invalid,
            })?
            .claims;
        let user = UserId::try_from(claims.user_id.as_str()).map_err(|_| AccessError::Invalid)?;
        let gone = AccessError::Refused(AuthorizeRefusal::NotActive);
        let handle = self.find(&claims.room_id).ok_or(gone)?;
        if claims.room_sid.as_deref().is_some_and(|sid| sid != handle.session().as_str()) {
            return Err(gone);
        }
        let (asked, generation) = (user.clone(), claims.generation.clone());
        let rights =
            handle.ask(|reply| Letter::Authorize(asked, generation, reply)).await?.map_err(AccessError::Refused)?;
        Ok(Access {
            room: handle.id().clone(),
            session: handle.session().clone(),
            user,
            is_admin: rights.is_admin,
            is_waiting: rights.is_waiting,
            client_type: claims.client_type,
            generation: claims.generation,
        })
    }

    /// Whether the owner of a token may come in now.
    ///
    /// # Errors
    /// The first check that fails.
    pub async fn verify_join(&self, access: &Access) -> Result<VerifiedJoin, AccessError> {
        let gone = AccessError::Refused(AuthorizeRefusal::NotActive);
        let handle = self.find(access.room.as_str()).ok_or(gone)?;
        let (user, generation) = (access.user.clone(), access.generation.clone());
        let self_inserted_key =
            handle.ask(|reply| Letter::VerifyJoin(user, generation, reply)).await?.map_err(AccessError::Refused)?;
        Ok(VerifiedJoin { self_inserted_key })
    }

    /// Opens a messaging socket. A token that ran out less than three hours ago is good for people who were in the meeting
    /// with it: their browser could not renew it while the network was gone. `origin` is where the browser reaches this
    /// server, as a WebSocket URL without a path.
    ///
    /// # Errors
    /// Why the token opens nothing.
    pub async fn open_socket(&self, token: &str, origin: String) -> Result<SocketLink, OpenError> {
        let (access, expired) = match self.authorize_with_grace(token, 0).await {
            Err(AccessError::Expired) => (self.authorize_with_grace(token, RENEWAL_GRACE).await?, true),
            other => (other?, false),
        };
        let gone = AccessError::Refused(AuthorizeRefusal::NotActive);
        let handle = self.find(access.room.as_str()).ok_or(gone)?;
        let conn = ConnId(self.0.next_conn.fetch_add(1, Ordering::Relaxed));
        let user = access.user.clone();
        let (admitted, down) = handle
            .open(|reply| {
                let generation = access.generation;
                Letter::Open(Box::new(Opening { conn, user: access.user, generation, expired, origin, reply }))
            })
            .await
            .map_err(AccessError::from)?
            .map_err(AccessError::Refused)?;
        Ok(SocketLink { conn, room: handle, user, admitted, down })
    }

    /// What a media token opens right now. One that the application made itself opens rooms that no meeting has, too.
    ///
    /// # Errors
    /// Why it opens nothing.
    pub async fn enter_media(&self, token: &str) -> Result<MediaAdmission, AccessError> {
        let MediaAccess { key_id, claims, issued_at, .. } = self.read_media_token(token)?;
        if !claims.video.room_join {
            return Err(AccessError::Invalid);
        }
        if key_id == self.0.around.credentials.api.id() {
            return self.enter_with_api_token(claims, issued_at).await;
        }
        let gone = AccessError::Refused(AuthorizeRefusal::NotActive);
        let handle = self.find(&claims.video.room).ok_or(gone)?;
        if claims.room_sid.as_deref().is_some_and(|sid| sid != handle.session().as_str()) {
            return Err(gone);
        }
        self.enter_meeting_media(&handle, claims).await
    }

    /// The media room of a meeting takes people the meeting knows, with the rights it gives them.
    pub(crate) async fn enter_meeting_media(
        &self,
        handle: &RoomHandle,
        claims: MediaClaims,
    ) -> Result<MediaAdmission, AccessError> {
        let user = UserId::try_from(claims.identity.as_str()).map_err(|_| AccessError::Invalid)?;
        let identity = Identity::from(&user);
        let entry = handle
            .ask(|reply| Letter::EnterMedia(user, claims.generation.clone(), reply))
            .await?
            .map_err(AccessError::Refused)?;
        if !entry.permission.subscribe && entry.permission.publish.is_empty() {
            return Err(AccessError::Invalid);
        }
        let relays = self.0.around.relays.borrow();
        Ok(MediaAdmission {
            join: MediaJoin {
                relays: relays.servers(handle.id(), identity.as_str(), now().unix_ms / 1000),
                relay_only: relays.force && !relays.urls.is_empty(),
                room: handle.id().clone(),
                session: handle.session().clone(),
                identity,
                name: entry.name,
                kind: media_rooms::kind(&claims),
                kind_details: media_rooms::kind_details(&claims),
                metadata: claims.metadata,
                attributes: claims.attributes,
                permission: entry.permission,
                request: Bytes::new(),
                topology: ports::media::Topology::Single,
            },
        })
    }

    /// A media token of ours, or one that the application made.
    fn read_media_token(&self, token: &str) -> Result<MediaAccess, AccessError> {
        let keys = &self.0.around.credentials;
        let find = |id: &str| [&keys.media, &keys.api].into_iter().find(|key| key.id() == id).map(ApiKey::secret);
        wire::token::verify_media(find, token, now().unix_ms / 1000).map_err(|error| match error {
            TokenError::Expired => AccessError::Expired,
            TokenError::Invalid => AccessError::Invalid,
        })
    }

    /// A fresh media token for somebody who is still admitted, with the claims of the old one; `None` if they are not.
    pub async fn refresh_media_token(&self, token: &str) -> Option<String> {
        self.enter_media(token).await.ok()?;
        let access = self.read_media_token(token).ok()?;
        Some(self.mint_again(&access))
    }

    /// The same for somebody whose rights or description changed.
    pub fn renew_media_token(&self, token: &str, renewed: &Renewed) -> Option<String> {
        let mut access = self.read_media_token(token).ok()?;
        let permission = &renewed.permission;
        let claims = &mut access.claims;
        claims.name.clone_from(&renewed.name);
        claims.metadata.clone_from(&renewed.metadata);
        claims.attributes.clone_from(&renewed.attributes);
        tokens::set_rights(&mut claims.video, permission);
        Some(self.mint_again(&access))
    }

    fn mint_again(&self, access: &MediaAccess) -> String {
        let keys = &self.0.around.credentials;
        let key = if access.key_id == keys.media.id() { &keys.media } else { &keys.api };
        let validity = keys.validity_seconds().max(600);
        wire::token::mint_media(key, &access.claims, now().unix_ms / 1000, validity)
    }

    /// How media may reach somebody, to be tried before they join. Nothing of it is of the meeting, so whoever waits may know.
    #[must_use]
    pub fn media_ways(&self, access: &Access) -> Vec<MediaWay> {
        self.0.around.relays.borrow().ways(&access.room, access.user.as_str(), now().unix_ms / 1000)
    }

    /// Why the media plane would refuse an admitted participant now, if it would.
    pub async fn media_refusal(&self, join: &MediaJoin) -> Option<ConnectError> {
        self.0.around.media.refusal(join).await
    }

    /// Lets the owner of a media token in and hands them to the media plane, as `complete` makes of it what they ask for.
    /// If a meeting took the name of their room meanwhile, what is true now decides.
    ///
    /// # Errors
    /// Those of [`Self::enter_media`] and of `complete`; when the media plane takes nobody now, or the request is malformed.
    pub async fn connect_media<E: From<AccessError> + From<ConnectError>>(
        &self,
        token: &str,
        complete: impl Fn(MediaJoin) -> Result<MediaJoin, E>,
    ) -> Result<SignalLink, E> {
        let join = complete(self.enter_media(token).await?.join)?;
        match self.0.around.media.connect(join).await {
            Err(ConnectError::Taken) => {
                let join = complete(self.enter_media(token).await?.join)?;
                Ok(self.0.around.media.connect(join).await?)
            }
            connected => Ok(connected?),
        }
    }
}
