//! Credentials and tokens of a tenant.

use chrono::{DateTime, Utc};
use rand::RngExt;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Engine, EngineError};
use crate::crypto::Kind;
use crate::ids::{RunId, TenantId};
use crate::node::Secret;
use crate::store::{self, Connection, Role};

/// Begins every token, so that people and scanners know one.
const TOKEN: &str = "copro_";

/// A token of a tenant's machines; its secret is shown once, when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenView {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Who a bearer token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// Whose data it reaches.
    pub tenant: TenantId,
    /// The token's name.
    pub name: String,
}

impl Engine {
    /// Keeps a secret, sealed with the tenant's key, in place of the one before.
    ///
    /// # Errors
    /// [`EngineError::BadName`].
    pub async fn set_credential(
        &self,
        tenant: TenantId,
        name: &str,
        secret: &str,
    ) -> Result<(), EngineError> {
        if !crate::language::fields::is_id(name) || name.len() > 63 {
            return Err(EngineError::BadName(name.to_owned()));
        }
        let now = self.clock().now();
        let id = RunId::new(now).0;
        let key = self.data_key(tenant).await?;
        let data = key.seal(tenant, Kind::Credential, id, secret.as_bytes());
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        store::credentials::put(&mut tx, tenant, name, id, now, &data).await?;
        store::commit!("credentials.put.commit", tx)?;
        Ok(())
    }

    /// The secret of this name.
    pub(crate) async fn credential_on(
        &self,
        connection: &mut Connection,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<Zeroizing<String>>, EngineError> {
        let Some((id, data)) = store::credentials::get(connection, tenant, name).await? else {
            return Ok(None);
        };
        let key = self.data_key(tenant).await?;
        let plain = key.open(tenant, Kind::Credential, id, &data)?;
        Ok(Some(Zeroizing::new(
            String::from_utf8_lossy(&plain).into_owned(),
        )))
    }

    /// The same, for a step.
    pub(crate) async fn credential(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<Secret>, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let found = self.credential_on(&mut tx, tenant, name).await?;
        Ok(found.map(|text| Secret::new(text.as_str())))
    }

    /// The names of a tenant's secrets, and when each was set.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn credentials(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<(String, DateTime<Utc>)>, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        Ok(store::credentials::list(&mut tx, tenant).await?)
    }

    /// Forgets a secret; false when there is none of this name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_credential(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<bool, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let gone = store::credentials::remove(&mut tx, tenant, name).await?;
        store::commit!("credentials.remove.commit", tx)?;
        Ok(gone)
    }

    /// Makes a token: the text that a machine sends, which is not stored.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn create_token(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Zeroizing<String>, EngineError> {
        let now = self.clock().now();
        let secret: Zeroizing<[u8; 32]> = Zeroizing::new(rand::rng().random());
        let text = format!("{TOKEN}{}{}", tenant.0.simple(), hex::encode(*secret));
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let (id, digest) = (RunId::new(now).0, Sha256::digest(text.as_bytes()));
        store::tokens::insert(&mut tx, tenant, id, name, &digest, now).await?;
        store::commit!("tokens.insert.commit", tx)?;
        Ok(Zeroizing::new(text))
    }

    /// Who this token speaks for; nobody when it is unknown or was taken back.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn bearer(&self, token: &str) -> Result<Option<Bearer>, EngineError> {
        let claimed = token
            .strip_prefix(TOKEN)
            .and_then(|rest| rest.get(..32))
            .and_then(|tenant| tenant.parse::<Uuid>().ok());
        let Some(tenant) = claimed.map(TenantId) else {
            return Ok(None);
        };
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        // Found by its digest: nothing of the secret is compared byte by byte.
        let digest = Sha256::digest(token.as_bytes());
        let name = store::tokens::find(&mut tx, tenant, &digest).await?;
        Ok(name.map(|name| Bearer { tenant, name }))
    }

    /// All tokens of a tenant, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tokens(&self, tenant: TenantId) -> Result<Vec<TokenView>, EngineError> {
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let rows = store::tokens::list(&mut tx, tenant).await?;
        let views = rows.into_iter().map(|row| TokenView {
            id: row.id,
            name: row.name,
            created_at: row.created_at,
            revoked_at: row.revoked_at,
        });
        Ok(views.collect())
    }

    /// Takes a token back; false when there is none, or it was before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_token(&self, tenant: TenantId, id: Uuid) -> Result<bool, EngineError> {
        let now = self.clock().now();
        let mut tx = store::begin(self.pool(), Role::Tenant(tenant)).await?;
        let revoked = store::tokens::revoke(&mut tx, tenant, id, now).await?;
        store::commit!("tokens.revoke.commit", tx)?;
        Ok(revoked)
    }
}
