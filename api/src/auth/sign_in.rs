//! Signing in and out, and standing in a tenant.

use axum::http::HeaderMap;
use engine::ids::TenantId;
use uuid::Uuid;

use super::attempts::Tried;
use super::session::{self, Key};
use super::{Auth, Client, Person, Role, password};
use crate::error::{Answer, Problem};
use crate::store::{IdentityTx, identities, memberships, sessions};

/// The longest e-mail there is.
const LONGEST_EMAIL: usize = 254;

/// A tenant that a person may stand in.
#[derive(Clone, Debug)]
pub struct Place {
    /// The tenant.
    pub tenant: TenantId,
    /// What people call it.
    pub name: String,
    /// What the person is there.
    pub role: Role,
}

/// How e-mails are compared.
pub fn folded(email: &str) -> String {
    email.trim().to_lowercase()
}

impl Auth {
    /// Opens a session for whoever knows the password; the one that the browser
    /// presents ends. Stands in the person's tenant when there is but one.
    ///
    /// # Errors
    /// `too_many_attempts`; `sign_in_refused`, whatever was wrong.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &str,
        client: &Client,
        headers: &HeaderMap,
    ) -> Answer<Key> {
        let refused = || Problem::new("sign_in_refused");
        let email = folded(email);
        if email.len() > LONGEST_EMAIL || password.len() > password::LONGEST || email.contains('\0')
        {
            return Err(refused());
        }
        let tried = Tried::new("password", &email, client);
        self.count(&tried).await?;
        let mut tx = self.identities.begin().await?;
        let known = identities::find(&mut tx, &email, self.settings.demo).await?;
        // No connection is held while a password is worked on.
        drop(tx);
        let kept = known.as_ref().and_then(|it| it.password_hash.clone());
        if !self.is_right(password, kept).await? {
            return Err(refused());
        }
        let identity = known.ok_or_else(refused)?.id;
        self.forget(&tried).await?;
        let mut tx = self.identities.begin().await?;
        let key = self.open(&mut tx, identity, client, headers).await?;
        tx.commit().await?;
        Ok(key)
    }

    /// Opens a session in place of the one that the browser presents.
    async fn open(
        &self,
        tx: &mut IdentityTx,
        identity: Uuid,
        client: &Client,
        headers: &HeaderMap,
    ) -> Answer<Key> {
        let now = self.clock.now();
        let presented = session::presented(self, headers);
        sessions::tidy(tx, identity, presented.as_deref(), session::bounds(now)).await?;
        let mine = memberships::of(tx, identity).await?;
        let key = Key::new();
        let new = sessions::New {
            id: TenantId::new(now).0,
            identity,
            digest: &key.digest(),
            stands_in: match mine.as_slice() {
                [only] => Some(only.tenant),
                _ => None,
            },
            address: &client.address,
            agent: &client.agent,
        };
        sessions::insert(tx, &new, now).await?;
        Ok(key)
    }

    /// Changes a person's password; all their sessions end, and this browser has a new one.
    ///
    /// # Errors
    /// `too_many_attempts`; `password_wrong`, when the present one is another;
    /// `password_weak`; `forbidden` to an account that others try too.
    pub async fn change_password(
        &self,
        person: &Person,
        present: &str,
        new: &str,
        client: &Client,
        headers: &HeaderMap,
    ) -> Answer<Key> {
        let tried = Tried::new("password", &person.email, client);
        self.count(&tried).await?;
        let mut tx = self.identities.begin().await?;
        let known = identities::get(&mut tx, person.identity).await?;
        drop(tx);
        let Some(known) = known.filter(|known| !known.demo) else {
            return Err(Problem::new("forbidden"));
        };
        if present.len() > password::LONGEST || !self.is_right(present, known.password_hash).await?
        {
            return Err(Problem::new("password_wrong"));
        }
        if !password::is_strong(new, &[&person.email, &person.name]) {
            return Err(Problem::new("password_weak"));
        }
        let new = new.to_owned();
        let hash = self.hashed(move || password::hash(&new)).await?;
        let hash = hash.map_err(|error| {
            tracing::error!(%error, "a password could not be kept");
            Problem::new("internal")
        })?;
        self.forget(&tried).await?;
        let mut tx = self.identities.begin().await?;
        identities::set_password(&mut tx, person.identity, &hash).await?;
        sessions::end_all(&mut tx, person.identity).await?;
        let key = self.open(&mut tx, person.identity, client, headers).await?;
        tx.commit().await?;
        Ok(key)
    }

    async fn is_right(&self, given: &str, kept: Option<String>) -> Answer<bool> {
        let given = given.to_owned();
        self.hashed(move || password::is_right(&given, kept.as_deref()))
            .await
    }

    /// Works on a password off the threads that answer, few at a time.
    async fn hashed<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Answer<T> {
        let turn = self.hashing.acquire().await;
        let _turn = turn.map_err(|_| Problem::new("unavailable"))?;
        let worked = tokio::task::spawn_blocking(work).await;
        worked.map_err(|error| {
            tracing::error!(%error, "a password could not be worked on");
            Problem::new("internal")
        })
    }

    /// Where a person may stand.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn places(&self, identity: Uuid) -> Answer<Vec<Place>> {
        let mut tx = self.identities.begin().await?;
        let mine = memberships::of(&mut tx, identity).await?;
        let places = mine.into_iter().filter_map(|it| {
            Some(Place {
                tenant: TenantId(it.tenant),
                role: Role::named(&it.role)?,
                name: it.name,
            })
        });
        Ok(places.collect())
    }

    /// Stands in a tenant, under a new key: the one before is worth nothing.
    ///
    /// # Errors
    /// `tenant_unknown`, also for one that is not the person's.
    pub async fn stand(&self, person: &Person, tenant: Uuid) -> Answer<Key> {
        let key = Key::new();
        let mut tx = self.identities.begin().await?;
        if !sessions::stand(&mut tx, person.session, tenant, &key.digest()).await? {
            return Err(Problem::new("tenant_unknown"));
        }
        tx.commit().await?;
        Ok(key)
    }

    /// The session that a key opens.
    ///
    /// # Errors
    /// When the database does not answer, or the session is gone already.
    pub async fn opened(&self, key: &Key) -> Answer<Person> {
        let person = self.person_of(&key.digest()).await?;
        person.ok_or_else(|| Problem::new("unauthorized"))
    }

    /// A person's sessions, last seen first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sessions(&self, person: &Person) -> Answer<Vec<sessions::Listed>> {
        let mut tx = self.identities.begin().await?;
        let bounds = session::bounds(self.clock.now());
        Ok(sessions::list(&mut tx, person.identity, bounds).await?)
    }

    /// The demo's accounts, with each of their tenants.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn demo_accounts(&self) -> Answer<Vec<identities::DemoAccount>> {
        let mut tx = self.identities.begin().await?;
        Ok(identities::of_demo(&mut tx).await?)
    }

    /// Ends one of a person's sessions.
    ///
    /// # Errors
    /// `session_unknown`, also for somebody else's.
    pub async fn end(&self, person: &Person, session: Uuid) -> Answer<()> {
        let mut tx = self.identities.begin().await?;
        if !sessions::end(&mut tx, person.identity, session).await? {
            return Err(Problem::new("session_unknown"));
        }
        Ok(tx.commit().await?)
    }

    /// Ends all of a person's sessions, this one too.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn end_all(&self, person: &Person) -> Answer<()> {
        let mut tx = self.identities.begin().await?;
        sessions::end_all(&mut tx, person.identity).await?;
        Ok(tx.commit().await?)
    }
}
