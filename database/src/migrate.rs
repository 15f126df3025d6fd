//! The roles and the migrations.
//!
//! Four roles without login hold all rights: `copro_owner` owns the schemas
//! and runs the migrations, `copro_app` is what a request or a step becomes,
//! `copro_engine` is what the claim and the flush become, `copro_identity` is
//! what looks who signs in. The application logs in as a member of the last
//! three that inherits nothing, and takes a role at the start of each transaction.
//!
//! Needs no superuser: a login that owns the database and may create roles is
//! enough, or one that is a member of roles that an administrator made.

use std::borrow::Cow;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use thiserror::Error;

use crate::name::Name;

/// Owns the schemas; migrations run as this role.
pub const OWNER: &str = "copro_owner";
/// Requests and steps, one tenant each.
pub const APP: &str = "copro_app";
/// The engine's claim and flush, across tenants.
pub const ENGINE: &str = "copro_engine";
/// Sign-in: identities and sessions, which stand above the tenants.
pub const IDENTITY: &str = "copro_identity";

const ROLES: [&str; 4] = [OWNER, APP, ENGINE, IDENTITY];

/// Any number; the same for all that migrate one database.
const LOCK: i64 = 0x636f_7072_6f00;

/// Roles are shared by all databases of a server, locks are not: migrations of
/// two databases at once may meet on a role, and one of them tries again.
const ATTEMPTS: usize = 20;

static MIGRATIONS: Migrator = Migrator {
    table_name: Cow::Borrowed("migrations.applied"),
    ..sqlx::migrate!("../migrations")
};

/// Why the database is not migrated.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The roles are missing and the login may not create them.
    #[error(
        "the login may not create roles and these are missing: {missing}. Have an administrator run:\n\
         {statements}"
    )]
    MissingRoles {
        /// Names of the missing roles.
        missing: String,
        /// What the administrator runs.
        statements: String,
    },
    /// A role exists and passes by row-level security.
    #[error(
        "the role {role} is a superuser or bypasses row-level security: tenants would not be \
         isolated. Run: alter role {role} nosuperuser nobypassrls"
    )]
    UnsafeRole {
        /// Name of the role.
        role: String,
    },
    /// The login lacks a right; the statement gives it.
    #[error("the login lacks a right. Have an administrator run:\n{statement}")]
    MissingRight {
        /// What the administrator runs.
        statement: String,
        /// What the server answered.
        source: sqlx::Error,
    },
    /// A migration failed; nothing of it is kept.
    #[error("a migration failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database does not answer.
    #[error("cannot reach the database to migrate it")]
    Database(#[from] sqlx::Error),
}

/// Brings the database of `url` to the newest schema.
///
/// `url` is a direct connection (no transaction pooler). `login` is the role
/// that the application logs in with, when it is another one than in `url`.
/// Running it twice, or several times at once, does the work once.
pub async fn run(url: &str, login: Option<&str>) -> Result<(), MigrateError> {
    let options: PgConnectOptions = url.parse()?;
    let options = options
        .application_name("copro migrate")
        .options([("client_min_messages", "warning")]);
    let mut db = options.connect().await?;
    sqlx::query("select pg_advisory_lock($1)")
        .bind(LOCK)
        .execute(&mut db)
        .await?;
    ensure_roles(&mut db, login).await?;
    db.execute(AssertSqlSafe(format!("set role {OWNER}")))
        .await?;
    db.execute("create schema if not exists migrations").await?;
    MIGRATIONS.run_direct(None, &mut db, false).await?;
    // Closing the session frees its locks.
    db.close().await?;
    Ok(())
}

/// Identifies the set of migrations that this binary carries.
pub fn fingerprint() -> String {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    for migration in MIGRATIONS.iter() {
        hash.update(migration.version.to_be_bytes());
        hash.update(&migration.checksum);
    }
    hex::encode(&hash.finalize()[..8])
}

/// True when the object to be created is there already.
pub(crate) fn exists_already(error: &sqlx::Error) -> bool {
    // duplicate_object, duplicate_database, unique_violation (two at once)
    has_code(error, &["42710", "42P04", "23505"])
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| codes.contains(&code.as_ref()))
}

/// Makes the roles, and gives the login and the owner what they need.
async fn ensure_roles(db: &mut PgConnection, login: Option<&str>) -> Result<(), MigrateError> {
    create_missing(db).await?;
    refuse_unsafe(db).await?;
    let current: String = sqlx::query_scalar("select current_user::text")
        .fetch_one(&mut *db)
        .await?;
    let login = login.unwrap_or(&current);
    give(db, &current, OWNER).await?;
    give(db, login, APP).await?;
    give(db, login, ENGINE).await?;
    give(db, login, IDENTITY).await?;
    let may_create: bool =
        sqlx::query_scalar("select has_database_privilege($1, current_database(), 'create')")
            .bind(OWNER)
            .fetch_one(&mut *db)
            .await?;
    if !may_create {
        let database: String = sqlx::query_scalar("select current_database()::text")
            .fetch_one(&mut *db)
            .await?;
        let database = Name(&database);
        grant(
            db,
            format!("grant create on database {database} to {OWNER}"),
        )
        .await?;
    }
    Ok(())
}

async fn create_missing(db: &mut PgConnection) -> Result<(), MigrateError> {
    let present: Vec<String> =
        sqlx::query_scalar("select rolname::text from pg_roles where rolname = any($1)")
            .bind(&ROLES[..])
            .fetch_all(&mut *db)
            .await?;
    let missing: Vec<_> = ROLES
        .into_iter()
        .filter(|role| !present.iter().any(|name| name == role))
        .collect();
    for role in &missing {
        let statement = format!("create role {role} nologin");
        match db.execute(AssertSqlSafe(statement)).await {
            Ok(_) => {}
            Err(error) if exists_already(&error) => {}
            Err(error) if has_code(&error, &["42501"]) => {
                let statements: Vec<_> = missing
                    .iter()
                    .map(|role| format!("create role {role} nologin;"))
                    .collect();
                return Err(MigrateError::MissingRoles {
                    missing: missing.join(", "),
                    statements: statements.join("\n"),
                });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn refuse_unsafe(db: &mut PgConnection) -> Result<(), MigrateError> {
    let role: Option<String> = sqlx::query_scalar(
        "select rolname::text from pg_roles \
         where rolname = any($1) and (rolsuper or rolbypassrls) order by rolname limit 1",
    )
    .bind(&ROLES[..])
    .fetch_optional(&mut *db)
    .await?;
    role.map_or(Ok(()), |role| Err(MigrateError::UnsafeRole { role }))
}

/// Lets `member` take `role` with `set role`, without inheriting from it
/// where the server can tell the two apart (16 and later).
async fn give(db: &mut PgConnection, member: &str, role: &str) -> Result<(), MigrateError> {
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
        .fetch_one(&mut *db)
        .await?;
    let (privilege, option) = if version >= 160_000 {
        ("set", " with inherit false, set true")
    } else {
        ("member", "")
    };
    let member_already: bool = sqlx::query_scalar("select pg_has_role($1, $2, $3)")
        .bind(member)
        .bind(role)
        .bind(privilege)
        .fetch_one(&mut *db)
        .await?;
    if member_already {
        return Ok(());
    }
    let member = Name(member);
    grant(db, format!("grant {role} to {member}{option}")).await
}

/// Runs a grant, again when another session changes the same role.
async fn grant(db: &mut PgConnection, statement: String) -> Result<(), MigrateError> {
    let mut attempt = 1;
    loop {
        match db.execute(AssertSqlSafe(statement.clone())).await {
            Ok(_) => return Ok(()),
            Err(error) if exists_already(&error) => return Ok(()),
            // internal_error: "tuple concurrently updated"
            Err(error) if has_code(&error, &["XX000"]) && attempt < ATTEMPTS => attempt += 1,
            Err(source) if has_code(&source, &["42501"]) => {
                return Err(MigrateError::MissingRight { statement, source });
            }
            Err(error) => return Err(error.into()),
        }
    }
}
