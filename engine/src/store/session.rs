//! How a transaction begins: its role and its tenant are set by the round trip that begins it.
//!
//! Nothing outlives the transaction, so connections may be shared by a
//! transaction pooler.

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgListener};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, PgPool, Postgres,
    Transaction,
};

use crate::ids::TenantId;

/// Connections to the database.
pub type Pool = PgPool;
/// One connection.
pub type Connection = PgConnection;
/// How to connect.
pub(crate) type ConnectOptions = PgConnectOptions;
/// A connection of the pool, kept.
pub(crate) type Held = PoolConnection<Postgres>;
/// A transaction on a connection of the pool.
pub(crate) type Db = Transaction<'static, Postgres>;
/// What the database answers when it does not do it.
pub(crate) type DbError = sqlx::Error;

/// Opens a connection outside of any pool.
pub(crate) async fn connect(options: &ConnectOptions) -> Result<Connection, DbError> {
    options.connect().await
}

/// Who a transaction is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    /// Requests and steps of one tenant.
    Tenant(TenantId),
    /// A step's own transaction, bounded in time.
    Step(TenantId),
    /// Claim and flush, across tenants.
    Engine,
    /// The same, for what may be lost in a crash of the database: a claim or a
    /// heartbeat that is lost is as if it had not been made, and whatever is
    /// committed after it makes it durable too.
    EngineUnsynced,
}

/// What a step's statement may take, milliseconds.
const STATEMENT_TIMEOUT: u32 = 5_000;

/// How long a transaction may do nothing, milliseconds: the locks of a process
/// that is frozen are free again by the time that others take its runs over.
const IDLE: u32 = 10_000;

/// The same for a step, whose node may compute between its statements. Once it
/// has fenced its run, [`super::steps::record`] makes it as short as for others.
const IDLE_STEP: u32 = 300_000;

/// Queue tables swell and shrink faster than statistics and cached plans
/// follow: a plan made when a table was empty must be right when it is full.
/// Each statement goes from the rows it is given to the index of the table, by
/// one plan whatever the rows: planning the flush anew takes longer than it does.
/// A scan that is off costs so much on paper that PostgreSQL would compile it.
/// Claim and flush wait for nothing but the database: they are idle when frozen.
const ENGINE: &str = "set_config('role', 'copro_engine', true), \
                      set_config('jit', 'off', true), \
                      set_config('idle_in_transaction_session_timeout', '5000', true), \
                      set_config('enable_seqscan', 'off', true), \
                      set_config('enable_hashjoin', 'off', true), \
                      set_config('enable_mergejoin', 'off', true), \
                      set_config('plan_cache_mode', 'force_generic_plan', true)";

impl Role {
    fn statement(self) -> String {
        match self {
            Self::Tenant(tenant) => format!(
                "begin; select set_config('role', 'copro_app', true), \
                 set_config('app.tenant', '{tenant}', true), \
                 set_config('idle_in_transaction_session_timeout', '{IDLE}', true)"
            ),
            Self::Step(tenant) => format!(
                "begin; select set_config('role', 'copro_app', true), \
                 set_config('app.tenant', '{tenant}', true), \
                 set_config('idle_in_transaction_session_timeout', '{IDLE_STEP}', true), \
                 set_config('statement_timeout', '{STATEMENT_TIMEOUT}', true)"
            ),
            Self::Engine => format!("begin; select {ENGINE}"),
            Self::EngineUnsynced => {
                format!("begin; select {ENGINE}, set_config('synchronous_commit', 'off', true)")
            }
        }
    }
}

/// Begins a transaction on a connection of the pool.
pub(crate) async fn begin(pool: &Pool, role: Role) -> Result<Db, DbError> {
    pool.begin_with(AssertSqlSafe(role.statement())).await
}

/// Begins a transaction on this connection.
pub(crate) async fn begin_on(
    connection: &mut PgConnection,
    role: Role,
) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
    connection.begin_with(AssertSqlSafe(role.statement())).await
}

/// Goes on as requests and steps of one tenant: what a transaction took across
/// tenants is acted on tenant by tenant, and commits together.
pub(crate) async fn become_tenant(
    connection: &mut PgConnection,
    tenant: TenantId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"select set_config('role', 'copro_app', true) as role, set_config('app.tenant', $1, true) as tenant"#,
        tenant.to_string(),
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

/// Tells whoever listens that something may be ready. Off the write path: a
/// notification inside a transaction would make commits wait for each other.
pub(crate) async fn notify(pool: &PgPool, channel: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(r#"select pg_notify($1, '') as "done""#, channel)
        .execute(pool)
        .await?;
    Ok(())
}

/// Hears notifications of some channels.
pub(crate) struct Ear(PgListener);

impl Ear {
    /// Listens, on a connection of its own.
    pub(crate) async fn open(pool: &PgPool, channels: &[&str]) -> Result<Self, sqlx::Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen_all(channels.iter().copied()).await?;
        Ok(Self(listener))
    }

    /// The channel of the next notification; none when some may have been lost.
    pub(crate) async fn hear(&mut self) -> Result<Option<String>, sqlx::Error> {
        let heard = self.0.try_recv().await?;
        Ok(heard.map(|heard| heard.channel().to_owned()))
    }
}
