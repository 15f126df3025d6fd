//! Who may call a webhook: compared in constant time, at the clock's instant.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Delivery;
use crate::graph::{HookAuth, Signature, SignatureEncoding, SignatureScheme};

/// Whether a request may start a run. `secret` is the credential: one value a
/// line, any of which will do, so that they can be changed without a gap.
pub(crate) fn permits(
    auth: &HookAuth,
    secret: Option<&str>,
    delivery: &Delivery,
    now: DateTime<Utc>,
) -> bool {
    let secrets = || {
        secret
            .unwrap_or_default()
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
    };
    match auth {
        HookAuth::None => true,
        HookAuth::Bearer { .. } => authorization(delivery, "bearer").is_some_and(|given| {
            any(secrets(), |secret| {
                same(secret.as_bytes(), given.as_bytes())
            })
        }),
        HookAuth::Basic { .. } => authorization(delivery, "basic")
            .and_then(|given| STANDARD.decode(given).ok())
            .is_some_and(|given| any(secrets(), |secret| same(secret.as_bytes(), &given))),
        HookAuth::Signed(signature) => {
            let Some(claim) = claim(signature, delivery) else {
                return false;
            };
            let fresh = claim.at.is_none_or(|at| {
                let tolerance = TimeDelta::from_std(signature.tolerance).unwrap_or(TimeDelta::MAX);
                (now - at).abs() <= tolerance
            });
            fresh
                && any(secrets(), |secret| {
                    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
                        .expect("a key may have any length");
                    mac.update(claim.before.as_bytes());
                    mac.update(&delivery.body);
                    let expected = mac.finalize().into_bytes();
                    any(claim.signatures.iter(), |given| {
                        bool::from(expected.as_slice().ct_eq(given))
                    })
                })
        }
    }
}

/// All are compared, so that time does not tell which one it was.
fn any<T>(all: impl Iterator<Item = T>, holds: impl Fn(T) -> bool) -> bool {
    all.fold(false, |held, one| holds(one) | held)
}

/// Compares digests: their length tells nothing.
fn same(left: &[u8], right: &[u8]) -> bool {
    Sha256::digest(left).ct_eq(&Sha256::digest(right)).into()
}

fn authorization<'a>(delivery: &'a Delivery, scheme: &str) -> Option<&'a str> {
    let (name, value) = delivery.header("authorization")?.split_once(' ')?;
    name.eq_ignore_ascii_case(scheme).then(|| value.trim())
}

/// What a request claims: its signatures, and what is signed before the body.
struct Claim {
    signatures: Vec<Vec<u8>>,
    before: String,
    at: Option<DateTime<Utc>>,
}

fn claim(signature: &Signature, delivery: &Delivery) -> Option<Claim> {
    let instant = |seconds: &str| DateTime::from_timestamp(seconds.trim().parse().ok()?, 0);
    match &signature.scheme {
        SignatureScheme::Stripe => {
            let header = delivery.header("stripe-signature")?;
            let parts = || {
                header
                    .split(',')
                    .filter_map(|part| part.trim().split_once('='))
            };
            let seconds = parts().find(|(name, _)| *name == "t")?.1;
            let signatures = parts().filter(|(name, _)| *name == "v1");
            Some(Claim {
                signatures: signatures
                    .filter_map(|(_, hex)| hex::decode(hex).ok())
                    .collect(),
                before: format!("{seconds}."),
                at: Some(instant(seconds)?),
            })
        }
        SignatureScheme::Github => {
            let hex = delivery
                .header("x-hub-signature-256")?
                .strip_prefix("sha256=")?;
            Some(Claim {
                signatures: vec![hex::decode(hex).ok()?],
                before: String::new(),
                at: None,
            })
        }
        SignatureScheme::Slack => {
            let hex = delivery.header("x-slack-signature")?.strip_prefix("v0=")?;
            let seconds = delivery.header("x-slack-request-timestamp")?;
            Some(Claim {
                signatures: vec![hex::decode(hex).ok()?],
                before: format!("v0:{seconds}:"),
                at: Some(instant(seconds)?),
            })
        }
        SignatureScheme::Generic {
            header,
            prefix,
            encoding,
            timestamp,
        } => {
            let written = delivery.header(header)?.strip_prefix(prefix.as_str())?;
            let given = match encoding {
                SignatureEncoding::Hex => hex::decode(written).ok()?,
                SignatureEncoding::Base64 => STANDARD.decode(written).ok()?,
            };
            let (before, at) = match timestamp {
                None => (String::new(), None),
                Some(header) => {
                    let seconds = delivery.header(header)?;
                    (format!("{seconds}."), Some(instant(seconds)?))
                }
            };
            Some(Claim {
                signatures: vec![given],
                before,
                at,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: i64 = 1_770_000_000;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(NOW, 0).unwrap()
    }

    fn delivery(headers: &[(&str, String)]) -> Delivery {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        Delivery {
            method: "POST".to_owned(),
            path: "/x".to_owned(),
            query: String::new(),
            headers: headers.collect(),
            body: b"{\"id\":1}".to_vec(),
            test: false,
        }
    }

    fn sign(secret: &str, before: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(before.as_bytes());
        mac.update(b"{\"id\":1}");
        hex::encode(mac.finalize().into_bytes())
    }

    fn signed(scheme: SignatureScheme) -> HookAuth {
        HookAuth::Signed(Signature {
            scheme,
            credential: "key".to_owned(),
            tolerance: Duration::from_secs(300),
        })
    }

    #[test]
    fn a_known_answer_of_hmac() {
        // RFC 4231, test case 2.
        let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
        mac.update(b"what do ya want for nothing?");
        assert_eq!(
            hex::encode(mac.finalize().into_bytes()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn each_scheme_takes_what_is_signed_and_nothing_else() {
        let generic = SignatureScheme::Generic {
            header: "x-signature".to_owned(),
            prefix: "sha256=".to_owned(),
            encoding: SignatureEncoding::Hex,
            timestamp: Some("x-timestamp".to_owned()),
        };
        let cases = [
            (
                SignatureScheme::Stripe,
                vec![(
                    "stripe-signature",
                    format!(
                        "t={NOW},v1={},v1={}",
                        sign("old", &format!("{NOW}.")),
                        sign("s3", &format!("{NOW}."))
                    ),
                )],
            ),
            (
                SignatureScheme::Github,
                vec![("x-hub-signature-256", format!("sha256={}", sign("s3", "")))],
            ),
            (
                SignatureScheme::Slack,
                vec![
                    (
                        "x-slack-signature",
                        format!("v0={}", sign("s3", &format!("v0:{NOW}:"))),
                    ),
                    ("x-slack-request-timestamp", NOW.to_string()),
                ],
            ),
            (
                generic,
                vec![
                    (
                        "x-signature",
                        format!("sha256={}", sign("s3", &format!("{NOW}."))),
                    ),
                    ("x-timestamp", NOW.to_string()),
                ],
            ),
        ];
        for (scheme, headers) in cases {
            let (auth, sound) = (signed(scheme.clone()), delivery(&headers));
            assert!(permits(&auth, Some("s3"), &sound, now()), "{scheme:?}");
            assert!(
                permits(&auth, Some("next\ns3\n"), &sound, now()),
                "{scheme:?}: rotated"
            );
            assert!(!permits(&auth, Some("other"), &sound, now()), "{scheme:?}");
            assert!(!permits(&auth, None, &sound, now()), "{scheme:?}");
            assert!(
                !permits(&auth, Some("s3"), &delivery(&[]), now()),
                "{scheme:?}"
            );
            let mut changed = sound.clone();
            changed.body.push(b' ');
            assert!(!permits(&auth, Some("s3"), &changed, now()), "{scheme:?}");
            for late in [301, -301] {
                let then = now() + TimeDelta::seconds(late);
                let timeless = scheme == SignatureScheme::Github;
                assert_eq!(
                    permits(&auth, Some("s3"), &sound, then),
                    timeless,
                    "{scheme:?}"
                );
            }
        }
    }

    #[test]
    fn bearer_and_basic() {
        let bearer = HookAuth::Bearer {
            credential: "key".to_owned(),
        };
        let basic = HookAuth::Basic {
            credential: "key".to_owned(),
        };
        let with = |value: &str| delivery(&[("authorization", value.to_owned())]);
        assert!(permits(&bearer, Some("s3"), &with("Bearer s3"), now()));
        assert!(!permits(&bearer, Some("s3"), &with("Bearer s"), now()));
        assert!(!permits(&bearer, Some(""), &with("Bearer "), now()));
        let encoded = STANDARD.encode("ana:pw");
        assert!(permits(
            &basic,
            Some("ana:pw"),
            &with(&format!("basic {encoded}")),
            now()
        ));
        assert!(!permits(
            &basic,
            Some("ana:px"),
            &with(&format!("Basic {encoded}")),
            now()
        ));
        assert!(permits(&HookAuth::None, None, &with(""), now()));
    }
}
