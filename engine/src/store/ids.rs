//! The engine's identifiers as columns: so that `sqlx` stays in this folder.

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueRef};
use sqlx::{Decode, Postgres, Type};
use uuid::Uuid;

use crate::ids::{RunId, TenantId, VersionId};

macro_rules! columns {
    ($($id:ident),*) => {$(
        impl Type<Postgres> for $id {
            fn type_info() -> PgTypeInfo {
                <Uuid as Type<Postgres>>::type_info()
            }
        }

        impl<'r> Decode<'r, Postgres> for $id {
            fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
                <Uuid as Decode<Postgres>>::decode(value).map(Self)
            }
        }
    )*};
}

columns!(TenantId, RunId, VersionId);
