//! Sealing: what a run carries is compressed, then encrypted with its tenant's key.
//!
//! The master key seals one data key a tenant; the data key seals run data.
//! Destroying a tenant's data key erases all its runs carry. The associated
//! data is tenant, kind and row, so that a sealed value opens only where it was
//! put.

use std::cell::RefCell;
use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rand::RngExt;
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::ids::TenantId;
use crate::text;
use crate::text::Text;

const FORMAT: u8 = 1;
const NONCE: usize = 24;
const KEY: usize = 32;
/// Below this many bytes compression costs more than it saves.
const WORTH_COMPRESSING: usize = 128;
const LEVEL: i32 = 1;
/// More than any value that is ever sealed; bounds what a bad header can ask for.
const LARGEST: usize = 64 << 20;

/// Why a sealed value cannot be read, or a key not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", Text::from(self))]
pub enum CryptoError {
    /// Not 64 hexadecimal digits.
    BadMasterKey,
    /// Another key, another place, or changed bytes.
    DoesNotOpen,
    /// The bytes inside are not what was sealed.
    Damaged,
}

impl From<&CryptoError> for Text {
    fn from(error: &CryptoError) -> Self {
        match error {
            CryptoError::BadMasterKey => {
                text!("the master key must be 64 hexadecimal digits (32 bytes)")
            }
            CryptoError::DoesNotOpen => {
                text!("sealed data does not open: another master key, or damaged data")
            }
            CryptoError::Damaged => text!("sealed data is damaged"),
        }
    }
}

/// What a sealed value is; part of what it is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A tenant's data key.
    DataKey,
    /// What a run was given.
    RunInput,
    /// What a run ended in.
    RunResult,
    /// An attempt of a step.
    Step,
    /// A chunk of attempts inside a loop.
    Items,
    /// A message to a run.
    Inbox,
    /// What a run waits for.
    Wait,
    /// Who started a run.
    Requester,
    /// What an event says.
    Event,
    /// What a trigger could not do.
    Fault,
    /// A secret of the tenant.
    Credential,
    /// A large input or output of a step.
    Payload,
}

impl Kind {
    const fn tag(self) -> u8 {
        match self {
            Self::DataKey => b'k',
            Self::RunInput => b'i',
            Self::RunResult => b'r',
            Self::Step => b's',
            Self::Items => b'l',
            Self::Inbox => b'm',
            Self::Wait => b'w',
            Self::Requester => b'p',
            Self::Event => b'e',
            Self::Fault => b'f',
            Self::Credential => b'c',
            Self::Payload => b'b',
        }
    }
}

/// The key that seals tenants' keys; never stored in the database.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; KEY]);

impl MasterKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; KEY]) -> Self {
        Self(bytes)
    }

    /// A new random key.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::rng().random())
    }

    /// The key as 64 hexadecimal digits, for the file or secret that keeps it.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0))
    }

    /// The key written by [`Self::to_hex`].
    ///
    /// # Errors
    /// When it is not 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Result<Self, CryptoError> {
        let mut bytes = [0; KEY];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| CryptoError::BadMasterKey)?;
        Ok(Self(bytes))
    }

    /// A new data key for a tenant, and the bytes to store it by.
    #[must_use]
    pub fn new_data_key(&self, tenant: TenantId) -> (DataKey, Vec<u8>) {
        let bytes: Zeroizing<[u8; KEY]> = Zeroizing::new(rand::rng().random());
        let wrapped = self
            .wrapping()
            .seal(tenant, Kind::DataKey, tenant.0, &*bytes);
        (DataKey::new(&bytes), wrapped)
    }

    /// The data key of a tenant from its stored bytes.
    ///
    /// # Errors
    /// When it was sealed by another master key or for another tenant.
    pub fn open_data_key(&self, tenant: TenantId, sealed: &[u8]) -> Result<DataKey, CryptoError> {
        let opened = self
            .wrapping()
            .open(tenant, Kind::DataKey, tenant.0, sealed)?;
        let bytes: &[u8; KEY] = opened
            .as_slice()
            .try_into()
            .map_err(|_| CryptoError::Damaged)?;
        Ok(DataKey::new(bytes))
    }

    fn wrapping(&self) -> DataKey {
        DataKey::new(&self.0)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Seals and opens what one tenant's runs carry. Wiped when dropped.
pub struct DataKey {
    cipher: XChaCha20Poly1305,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

impl DataKey {
    fn new(bytes: &[u8; KEY]) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(&Key::from(*bytes)),
        }
    }

    /// Seals `plain` for one place: a kind of value of one row of one tenant.
    #[must_use]
    pub fn seal(&self, tenant: TenantId, kind: Kind, row: Uuid, plain: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = rand::rng().random();
        let packed = pack(plain);
        let payload = Payload {
            msg: &packed,
            aad: &place(tenant, kind, row),
        };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("a value in memory is shorter than the cipher's limit");
        let mut out = Vec::with_capacity(1 + NONCE + sealed.len());
        out.push(FORMAT);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        out
    }

    /// Opens what was sealed for this very place.
    ///
    /// # Errors
    /// When it was sealed for another place or by another key, or was changed since.
    pub fn open(
        &self,
        tenant: TenantId,
        kind: Kind,
        row: Uuid,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let (format, rest) = sealed.split_first().ok_or(CryptoError::Damaged)?;
        let (nonce, body) = rest
            .split_first_chunk::<NONCE>()
            .ok_or(CryptoError::Damaged)?;
        if *format != FORMAT {
            return Err(CryptoError::Damaged);
        }
        let payload = Payload {
            msg: body,
            aad: &place(tenant, kind, row),
        };
        let packed = Zeroizing::new(
            self.cipher
                .decrypt(&XNonce::from(*nonce), payload)
                .map_err(|_| CryptoError::DoesNotOpen)?,
        );
        unpack(&packed)
    }
}

fn place(tenant: TenantId, kind: Kind, row: Uuid) -> [u8; 33] {
    let mut place = [0; 33];
    place[0] = kind.tag();
    place[1..17].copy_from_slice(tenant.0.as_bytes());
    place[17..].copy_from_slice(row.as_bytes());
    place
}

thread_local! {
    // Making a context costs more than compressing a small value with it.
    static ZSTD: RefCell<Option<zstd::bulk::Compressor<'static>>> =
        RefCell::new(zstd::bulk::Compressor::new(LEVEL).ok());
}

/// First byte 0: as it is. 1: zstd, after its length in four bytes.
fn pack(plain: &[u8]) -> Zeroizing<Vec<u8>> {
    if plain.len() >= WORTH_COMPRESSING
        && let Ok(length) = u32::try_from(plain.len())
        && let Some(small) = compress(plain)
        && small.len() + 4 < plain.len()
    {
        let mut packed = Vec::with_capacity(small.len() + 5);
        packed.push(1);
        packed.extend_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(&small);
        return Zeroizing::new(packed);
    }
    let mut packed = Vec::with_capacity(plain.len() + 1);
    packed.push(0);
    packed.extend_from_slice(plain);
    Zeroizing::new(packed)
}

fn compress(plain: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    ZSTD.with_borrow_mut(|context| context.as_mut()?.compress(plain).ok())
        .map(Zeroizing::new)
}

fn unpack(packed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    match packed.split_first() {
        Some((0, plain)) => Ok(Zeroizing::new(plain.to_vec())),
        Some((1, rest)) => {
            let (length, small) = rest.split_first_chunk().ok_or(CryptoError::Damaged)?;
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
            if length > LARGEST {
                return Err(CryptoError::Damaged);
            }
            zstd::bulk::decompress(small, length)
                .map(Zeroizing::new)
                .map_err(|_| CryptoError::Damaged)
        }
        _ => Err(CryptoError::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(n: u128) -> TenantId {
        TenantId(Uuid::from_u128(n))
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_and_nowhere_else() {
        let master = MasterKey::generate();
        let (key, stored) = master.new_data_key(tenant(1));
        let row = Uuid::from_u128(7);
        let text = "a name and an amount ".repeat(50);
        let sealed = key.seal(tenant(1), Kind::Step, row, text.as_bytes());
        assert!(sealed.len() < text.len());
        let again = master.open_data_key(tenant(1), &stored).unwrap();
        let open = |tenant, kind, row| again.open(tenant, kind, row, &sealed);
        assert_eq!(
            open(tenant(1), Kind::Step, row).unwrap().as_slice(),
            text.as_bytes()
        );
        assert!(open(tenant(2), Kind::Step, row).is_err());
        assert!(open(tenant(1), Kind::Items, row).is_err());
        assert!(open(tenant(1), Kind::Step, Uuid::from_u128(8)).is_err());
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let (key, _) = MasterKey::generate().new_data_key(tenant(1));
        let row = Uuid::from_u128(7);
        let sealed = key.seal(tenant(1), Kind::Step, row, b"short");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(tenant(1), Kind::Step, row, &changed).is_err());
        }
    }

    #[test]
    fn a_data_key_opens_for_its_tenant_and_master_key_only() {
        let master = MasterKey::generate();
        let (_, stored) = master.new_data_key(tenant(1));
        let denied = Some(CryptoError::DoesNotOpen);
        assert_eq!(master.open_data_key(tenant(2), &stored).err(), denied);
        assert_eq!(
            MasterKey::generate()
                .open_data_key(tenant(1), &stored)
                .err(),
            denied
        );
    }

    #[test]
    fn a_master_key_survives_its_text() {
        let master = MasterKey::generate();
        let again = MasterKey::from_hex(&master.to_hex()).unwrap();
        assert_eq!(master.0, again.0);
        assert!(MasterKey::from_hex("c0ffee").is_err());
        assert_eq!(format!("{master:?}"), "MasterKey(…)");
    }
}
