//! Signing in and out.

use std::time::Duration;

use serde_json::json;

use super::support::{PASSWORD, World};
use crate::auth::{Role, Settings};

const ME: &str = "/api/v1/session";
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_a_cookie_of_which_only_the_digest_is_kept() {
    let world = World::new().await;
    let tenant = world.tenant("A").await;
    world
        .person("claire@a.example", &[(tenant, Role::Admin)])
        .await;
    let reply = world.try_to_sign_in(" Claire@A.example ", PASSWORD).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let set = reply.set_cookie();
    for part in [
        "copro_session=",
        "HttpOnly",
        "SameSite=Lax",
        "Path=/",
        "Max-Age=",
    ] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Secure"), "{set}");
    let me = reply.json();
    assert_eq!(me["person"]["email"], "claire@a.example");
    assert_eq!(me["tenant"]["name"], "A");
    assert_eq!(me["tenant"]["role"], "admin");
    assert!(
        me["permissions"]
            .as_array()
            .unwrap()
            .contains(&json!("manage_members"))
    );
    assert_eq!(reply.headers["cache-control"], "no-store");

    let key = reply.cookie();
    let key = key.split_once('=').unwrap().1;
    assert_eq!(key.len(), 43, "256 bits");
    let stored: String = sqlx::query_scalar(
        "select string_agg(s::text, ' ') || (select string_agg(i::text, ' ') from copro.identities i) \
         from copro.sessions s",
    )
    .fetch_one(&world.db.owner_pool())
    .await
    .unwrap();
    assert!(!stored.contains(key) && !stored.contains(PASSWORD));
    assert_eq!(world.as_(&reply.cookie(), "GET", ME, "").await.json(), me);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_https_the_cookie_is_held_to_this_host_and_to_https() {
    let world = World::with(Settings {
        https: true,
        ..Settings::default()
    })
    .await;
    world.person("claire@a.example", &[]).await;
    let reply = world.try_to_sign_in("claire@a.example", PASSWORD).await;
    let set = reply.set_cookie();
    assert!(
        set.starts_with("__Host-copro_session=") && set.contains("; Secure"),
        "{set}"
    );
    assert!(reply.headers.contains_key("strict-transport-security"));
    assert_eq!(world.as_(&reply.cookie(), "GET", ME, "").await.status, 200);
    let bare = reply.cookie().replace("__Host-", "");
    assert_eq!(world.as_(&bare, "GET", ME, "").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_wrong_is_not_told() {
    let world = World::new().await;
    world.person("claire@a.example", &[]).await;
    let wrong = world.try_to_sign_in("claire@a.example", "another").await;
    let unknown = world.try_to_sign_in("nobody@a.example", "another").await;
    let long = world
        .try_to_sign_in("claire@a.example", &"x".repeat(5000))
        .await;
    assert_eq!(
        (wrong.status, wrong.code().as_str()),
        (401, "sign_in_refused")
    );
    assert_eq!(unknown, wrong);
    assert_eq!(long, wrong);
    assert!(!wrong.headers.contains_key("set-cookie"));
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_limited_also_at_once_and_for_a_time() {
    let world = World::new().await;
    world.person("claire@a.example", &[]).await;
    let tries = (0..12).map(|_| world.try_to_sign_in("claire@a.example", "another"));
    let replies = futures::future::join_all(tries).await;
    let refused = replies.iter().filter(|reply| reply.status == 401).count();
    let limited = replies.iter().filter(|reply| reply.status == 429);
    assert_eq!((refused, limited.clone().count()), (8, 4));
    let limited = limited.clone().next().unwrap();
    assert_eq!(limited.code(), "too_many_attempts");
    assert_eq!(limited.headers["retry-after"], "900");
    let right = world.try_to_sign_in("claire@a.example", PASSWORD).await;
    assert_eq!(right.status, 429, "the right one tells nothing either");
    let other = world.try_to_sign_in("nobody@a.example", "x").await;
    assert_eq!(other.status, 401);
    world.wait(Duration::from_secs(901));
    world.sign_in("claire@a.example").await;
    for _ in 0..8 {
        let reply = world.try_to_sign_in("claire@a.example", "another").await;
        assert_eq!(reply.status, 401, "who was right begins anew");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_identity_chooses_among_its_tenants_and_the_key_changes_with_its_rights() {
    let world = World::new().await;
    let (a, b, c) = (
        world.tenant("A").await,
        world.tenant("B").await,
        world.tenant("C").await,
    );
    world
        .person(
            "karim@x.example",
            &[(a, Role::Accountant), (b, Role::Owner)],
        )
        .await;
    let first = world.sign_in("karim@x.example").await;
    let me = world.as_(&first, "GET", ME, "").await.json();
    assert_eq!(me["tenant"], json!(null));
    assert_eq!(me["tenants"].as_array().unwrap().len(), 2);
    let runs = "/api/v1/runs/018f0000-0000-7000-8000-000000000000";
    let nowhere = world.as_(&first, "GET", runs, "").await;
    assert_eq!(
        (nowhere.status, nowhere.code().as_str()),
        (403, "tenant_not_chosen")
    );

    let stand = |tenant: engine::ids::TenantId| json!({ "tenant": tenant.0 }).to_string();
    let there = world
        .as_(&first, "PUT", "/api/v1/session/tenant", &stand(a))
        .await;
    assert_eq!(there.json()["tenant"]["role"], "accountant");
    let second = there.cookie();
    assert_ne!(first, second);
    assert_eq!(world.as_(&first, "GET", ME, "").await.status, 401);
    assert_eq!(
        world.as_(&second, "GET", runs, "").await.code(),
        "run_unknown"
    );

    let stranger = world
        .as_(&second, "PUT", "/api/v1/session/tenant", &stand(c))
        .await;
    let unknown = json!({ "tenant": uuid::Uuid::max() }).to_string();
    let unknown = world
        .as_(&second, "PUT", "/api/v1/session/tenant", &unknown)
        .await;
    assert_eq!(stranger.code(), "tenant_unknown");
    assert_eq!(unknown, stranger);
    assert_eq!(world.as_(&second, "GET", ME, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_listed_and_ended_one_by_one_or_all() {
    let world = World::new().await;
    world.person("claire@a.example", &[]).await;
    world.person("other@a.example", &[]).await;
    let (here, there) = (
        world.sign_in("claire@a.example").await,
        world.sign_in("claire@a.example").await,
    );
    let other = world.sign_in("other@a.example").await;
    let list = world.as_(&here, "GET", "/api/v1/sessions", "").await.json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 2);
    let found = |current: bool| list.iter().find(|it| it["current"] == current).unwrap();
    let id = found(false)["id"].as_str().unwrap();
    let path = format!("/api/v1/sessions/{id}");
    let strange = world.as_(&other, "DELETE", &path, "").await;
    assert_eq!(strange.code(), "session_unknown");
    assert_eq!(world.as_(&here, "DELETE", &path, "").await.status, 204);
    assert_eq!(world.as_(&there, "GET", ME, "").await.status, 401);
    assert_eq!(
        world.as_(&here, "DELETE", &path, "").await.code(),
        "session_unknown"
    );

    let again = world.sign_in("claire@a.example").await;
    let out = world.as_(&here, "DELETE", "/api/v1/sessions", "").await;
    assert_eq!(out.status, 204);
    assert!(out.set_cookie().contains("Max-Age=0"));
    for ended in [&here, &again] {
        assert_eq!(world.as_(ended, "GET", ME, "").await.status, 401);
    }
    assert_eq!(world.as_(&other, "GET", ME, "").await.status, 200);
    assert_eq!(world.as_(&other, "DELETE", ME, "").await.status, 204);
    assert_eq!(world.as_(&other, "GET", ME, "").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_again_ends_the_session_of_this_browser() {
    let world = World::new().await;
    world.person("claire@a.example", &[]).await;
    let first = world.sign_in("claire@a.example").await;
    let body = json!({ "email": "claire@a.example", "password": PASSWORD }).to_string();
    let second = world.as_(&first, "POST", ME, &body).await.cookie();
    assert_ne!(first, second);
    assert_eq!(world.as_(&first, "GET", ME, "").await.status, 401);
    assert_eq!(world.as_(&second, "GET", ME, "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_nothing_is_heard_of_it_and_at_last_anyway() {
    let world = World::new().await;
    world.person("claire@a.example", &[]).await;
    let cookie = world.sign_in("claire@a.example").await;
    for _ in 0..15 {
        world.wait(HOUR * 22);
        assert_eq!(world.as_(&cookie, "GET", ME, "").await.status, 200);
    }
    world.wait(HOUR * 22);
    assert_eq!(
        world.as_(&cookie, "GET", ME, "").await.status,
        401,
        "two weeks"
    );
    let cookie = world.sign_in("claire@a.example").await;
    world.wait(HOUR * 25);
    assert_eq!(world.as_(&cookie, "GET", ME, "").await.status, 401, "a day");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_sent_away_or_locked_out_is_so_at_once() {
    let world = World::new().await;
    let a = world.tenant("A").await;
    let id = world.person("claire@a.example", &[(a, Role::Admin)]).await;
    let cookie = world.sign_in("claire@a.example").await;
    let owner = world.db.owner_pool();
    sqlx::query("delete from copro.memberships")
        .execute(&owner)
        .await
        .unwrap();
    let reply = world
        .as_(&cookie, "POST", "/api/v1/workflows/x/runs", "{}")
        .await;
    assert_eq!(reply.code(), "tenant_not_chosen");
    sqlx::query("update copro.identities set disabled_at = now() where id = $1")
        .bind(id)
        .execute(&owner)
        .await
        .unwrap();
    assert_eq!(world.as_(&cookie, "GET", ME, "").await.status, 401);
    assert_eq!(
        world
            .try_to_sign_in("claire@a.example", PASSWORD)
            .await
            .status,
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_is_strong_and_ends_every_session() {
    let world = World::new().await;
    world.person("claire@a.example", &[]).await;
    let (here, there) = (
        world.sign_in("claire@a.example").await,
        world.sign_in("claire@a.example").await,
    );
    let path = "/api/v1/session/password";
    let ask = |present: &str, new: &str| json!({ "present": present, "new": new }).to_string();
    let wrong = world
        .as_(&here, "PUT", path, &ask("x", "quatre jeunes tilleuls"))
        .await;
    assert_eq!(
        (wrong.status, wrong.code().as_str()),
        (422, "password_wrong")
    );
    let weak = world
        .as_(&here, "PUT", path, &ask(PASSWORD, "claire2026"))
        .await;
    assert_eq!((weak.status, weak.code().as_str()), (422, "password_weak"));
    let changed = world
        .as_(&here, "PUT", path, &ask(PASSWORD, "quatre jeunes tilleuls"))
        .await;
    assert_eq!(changed.status, 200, "{changed:?}");
    for ended in [&here, &there] {
        assert_eq!(world.as_(ended, "GET", ME, "").await.status, 401);
    }
    assert_eq!(
        world.as_(&changed.cookie(), "GET", ME, "").await.status,
        200
    );
    assert_eq!(
        world
            .try_to_sign_in("claire@a.example", PASSWORD)
            .await
            .status,
        401
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_page_changes_nothing_and_a_webhook_is_still_called() {
    let world = World::new().await;
    world.person("claire@a.example", &[]).await;
    let cookie = world.sign_in("claire@a.example").await;
    for evidence in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
    ] {
        let headers = [("cookie", cookie.as_str()), evidence];
        let reply = world.call("DELETE", ME, &headers, "").await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (403, "cross_site"),
            "{evidence:?}"
        );
        let reply = world.call("POST", ME, &[evidence], "{}").await;
        assert_eq!(reply.code(), "cross_site", "nobody is signed in from there");
        let hook = format!("/hooks/{}/x", uuid::Uuid::max());
        assert_eq!(
            world.call("POST", &hook, &headers, "").await.code(),
            "not_found"
        );
    }
    let ours = [
        ("cookie", cookie.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(world.call("DELETE", ME, &ours, "").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_told_what_pages_may_do_with_every_answer() {
    let world = World::new().await;
    for path in ["/health", "/nothing", "/api/v1/session"] {
        let reply = world.call("GET", path, &[], "").await;
        let content = reply.headers["content-security-policy"].to_str().unwrap();
        assert!(content.contains("script-src 'self';") && content.contains("default-src 'none'"));
        assert!(!content.contains("unsafe-eval"));
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        assert_eq!(reply.headers["x-frame-options"], "DENY");
        assert!(!reply.headers.contains_key("strict-transport-security"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_accounts_exist_where_the_demo_is_served_alone() {
    let accounts = "/api/v1/demo/accounts";
    for demo in [true, false] {
        let world = World::with(Settings {
            demo,
            ..Settings::default()
        })
        .await;
        let a = world.tenant("A").await;
        world
            .identity("try@demo.example", true, &[(a, Role::Admin)])
            .await;
        world.person("claire@a.example", &[(a, Role::Admin)]).await;
        let list = world.call("GET", accounts, &[], "").await;
        let sign_in = world.try_to_sign_in("try@demo.example", PASSWORD).await;
        if demo {
            assert_eq!(list.json().as_array().unwrap().len(), 1, "the demo's alone");
            assert_eq!(list.json()[0]["email"], "try@demo.example");
            let body = json!({ "present": PASSWORD, "new": "quatre jeunes tilleuls" });
            let path = "/api/v1/session/password";
            let kept = world
                .as_(&sign_in.cookie(), "PUT", path, &body.to_string())
                .await;
            assert_eq!(kept.status, 403);
        } else {
            assert_eq!(list.code(), "not_found");
            assert_eq!(sign_in.code(), "sign_in_refused");
        }
    }
}
