//! Roles and migrations on servers that are not ours: no superuser needed, and
//! what is missing is said.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use database::local::LocalServer;
use database::migrate::{self, MigrateError};
use database::testing::{TestDb, fast_folder};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use tempfile::TempDir;

/// A server where nothing was prepared: roles are shared by all databases of
/// a server, so these tests need one each.
struct Bare {
    server: LocalServer,
    _folder: TempDir,
}

impl Bare {
    async fn start() -> Self {
        let folder = tempfile::tempdir_in(fast_folder()).expect("a temporary folder");
        let open = fs::Permissions::from_mode(0o711);
        fs::set_permissions(folder.path(), open).expect("it is ours");
        let server = LocalServer::start(folder.path()).await.expect("a server");
        Self {
            server,
            _folder: folder,
        }
    }

    async fn admin(&self, statements: &[&str]) {
        let url = self.server.admin_url();
        let mut admin = PgConnection::connect(&url).await.expect("it runs");
        for statement in statements {
            admin
                .execute(AssertSqlSafe((*statement).to_owned()))
                .await
                .expect(statement);
        }
        admin.close().await.expect("the session ends");
    }

    fn url(&self, role: &str, database: &str) -> String {
        let options: PgConnectOptions = self.server.url().parse().expect("it is ours");
        let options = options.username(role).database(database);
        options.to_url_lossy().to_string()
    }
}

async fn scalar(url: &str, question: &'static str) -> i64 {
    let mut db = PgConnection::connect(url).await.expect("it runs");
    let answer = sqlx::query_scalar(question).fetch_one(&mut db).await;
    answer.expect("the catalogue answers")
}

const SCHEMAS: &str = "select count(*) from pg_namespace \
     where nspname in ('engine', 'copro') and nspowner = 'copro_owner'::regrole";

#[tokio::test]
async fn a_hosted_login_that_may_create_roles_migrates_its_database() {
    let bare = Bare::start().await;
    bare.admin(&[
        "create role host login createrole noinherit",
        "create database hosted owner host",
    ])
    .await;
    let url = bare.url("host", "hosted");
    migrate::run(&url, None).await.unwrap();
    migrate::run(&url, None).await.unwrap();
    assert_eq!(scalar(&url, SCHEMAS).await, 2);

    let mut db = PgConnection::connect(&url).await.unwrap();
    for role in ["copro_app", "copro_engine", "copro_identity"] {
        let statement = format!("set role {role}");
        db.execute(AssertSqlSafe(statement)).await.unwrap();
    }
}

#[tokio::test]
async fn roles_that_an_administrator_made_are_enough() {
    let bare = Bare::start().await;
    bare.admin(&[
        "create role host login noinherit",
        "create database hosted owner host",
        "create role copro_owner nologin",
        "create role copro_app nologin",
        "create role copro_engine nologin",
        "create role copro_identity nologin",
        "grant copro_owner, copro_app, copro_engine, copro_identity to host",
    ])
    .await;
    let url = bare.url("host", "hosted");
    migrate::run(&url, None).await.unwrap();
    assert_eq!(scalar(&url, SCHEMAS).await, 2);
}

#[tokio::test]
async fn a_login_without_rights_is_told_what_to_ask_for() {
    let bare = Bare::start().await;
    bare.admin(&[
        "create role host login noinherit",
        "create database hosted owner host",
    ])
    .await;
    let url = bare.url("host", "hosted");
    let error = migrate::run(&url, None).await.unwrap_err();
    assert!(matches!(error, MigrateError::MissingRoles { .. }));
    let text = error.to_string();
    for role in ["copro_owner", "copro_app", "copro_engine", "copro_identity"] {
        let statement = format!("create role {role} nologin;");
        assert!(text.contains(&statement), "{text}");
    }

    bare.admin(&[
        "create role copro_owner nologin",
        "create role copro_app nologin",
        "create role copro_engine nologin",
        "create role copro_identity nologin",
    ])
    .await;
    let error = migrate::run(&url, None).await.unwrap_err();
    assert!(matches!(error, MigrateError::MissingRight { .. }));
    assert!(error.to_string().contains("grant copro_owner to \"host\""));
    let schemas = "select count(*) from pg_namespace where nspname in ('engine', 'copro')";
    assert_eq!(scalar(&url, schemas).await, 0);
}

#[tokio::test]
async fn a_role_that_passes_by_isolation_is_refused() {
    let bare = Bare::start().await;
    bare.admin(&["create role copro_app nologin bypassrls"])
        .await;
    let error = migrate::run(&bare.server.admin_url(), Some("copro"))
        .await
        .unwrap_err();
    assert!(matches!(error, MigrateError::UnsafeRole { role } if role == "copro_app"));
}

#[tokio::test]
async fn databases_of_one_server_are_migrated_at_once() {
    let bare = Bare::start().await;
    let names = ["one", "two", "three", "four", "five", "six"];
    for name in names {
        bare.admin(&[&format!("create database {name}")]).await;
    }
    let runs = names.iter().map(|name| {
        let url = bare.url("postgres", name);
        tokio::spawn(async move { migrate::run(&url, Some("copro")).await })
    });
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap().unwrap();
    }
    for name in names {
        assert_eq!(scalar(&bare.url("postgres", name), SCHEMAS).await, 2);
    }
}

#[tokio::test]
async fn one_database_is_migrated_once_by_many() {
    let bare = Bare::start().await;
    let runs = (0..4).map(|_| {
        let url = bare.server.admin_url();
        tokio::spawn(async move { migrate::run(&url, Some("copro")).await })
    });
    for run in runs.collect::<Vec<_>>() {
        run.await.unwrap().unwrap();
    }
    assert_eq!(scalar(&bare.server.admin_url(), SCHEMAS).await, 2);
}

#[tokio::test]
async fn nobody_but_the_owner_may_create_in_our_schemas() {
    let db = TestDb::new().await;
    let granted: i64 = sqlx::query_scalar(
        "select count(*) from unnest(array['copro', 'copro_app', 'copro_engine', 'copro_identity']) as role (name), \
         unnest(array['engine', 'copro', 'migrations']) as schema (name) \
         where has_schema_privilege(role.name, schema.name, 'create')",
    )
    .fetch_one(&db.owner_pool())
    .await
    .unwrap();
    assert_eq!(granted, 0);
}

#[tokio::test]
async fn the_migrations_table_is_the_owners_alone() {
    let db = TestDb::new().await;
    let readers: i64 = sqlx::query_scalar(
        "select count(*) from unnest(array['copro', 'copro_app', 'copro_engine', 'copro_identity']) as role (name) \
         where has_table_privilege(role.name, 'migrations.applied', 'select')",
    )
    .fetch_one(&db.owner_pool())
    .await
    .unwrap();
    assert_eq!(readers, 0);
}
