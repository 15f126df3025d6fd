//! A request to a webhook, and what its trigger's expressions read of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::graph::{HookAuth, SignatureScheme};

/// A request to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// `POST`.
    pub method: String,
    /// Behind the tenant's: starts with `/`.
    pub path: String,
    /// What follows the `?`, undecoded.
    pub query: String,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// As it came.
    pub body: Vec<u8>,
    /// It came to the test address: the version saved last answers it, and
    /// nothing is remembered of it.
    pub test: bool,
}

/// Headers that no expression reads: they hold secrets.
const SECRET: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

impl Delivery {
    /// The first header of this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// What `event` is in expressions. `raw` is the body as it came, in base64
    /// when it is no text; `body` what it means.
    pub(crate) fn event(&self) -> Value {
        let (raw, encoding) = match std::str::from_utf8(&self.body) {
            Ok(text) => (text.to_owned(), "utf-8"),
            Err(_) => (STANDARD.encode(&self.body), "base64"),
        };
        let headers = self
            .headers
            .iter()
            .filter(|(name, _)| !SECRET.contains(&name.as_str()));
        json!({
            "method": self.method,
            "path": self.path,
            "query": gathered(decoded(&self.query)),
            "headers": gathered(headers.cloned()),
            "body": self.body(),
            "raw": raw,
            "raw_encoding": encoding,
        })
    }

    /// The body by its type: JSON, a form, a text; nothing when it is none of them.
    fn body(&self) -> Value {
        let kind = self.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let Ok(text) = std::str::from_utf8(&self.body) else {
            return Value::Null;
        };
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return gathered(decoded(text));
        }
        let named_json = kind.is_empty() || kind.ends_with("json");
        match serde_json::from_str(text) {
            Ok(value) if named_json => value,
            _ if text.is_empty() => Value::Null,
            _ => Value::String(text.to_owned()),
        }
    }

    /// By what this delivery is the same as another: the scheme's id, else the
    /// caller's `Idempotency-Key`.
    pub(crate) fn key(&self, auth: &HookAuth) -> Option<String> {
        let of_body = |name: &str| match self.body().get(name) {
            Some(Value::String(id)) => Some(id.clone()),
            _ => None,
        };
        let of_scheme = match auth {
            HookAuth::Signed(signature) => match signature.scheme {
                SignatureScheme::Stripe => of_body("id"),
                SignatureScheme::Github => self.header("x-github-delivery").map(str::to_owned),
                SignatureScheme::Slack => of_body("event_id"),
                SignatureScheme::Generic { .. } => None,
            },
            _ => None,
        };
        of_scheme.or_else(|| self.header("idempotency-key").map(str::to_owned))
    }
}

/// A map of pairs; a name that comes twice has a list.
fn gathered(pairs: impl Iterator<Item = (String, String)>) -> Value {
    let mut map = Map::new();
    for (name, value) in pairs {
        match map.get_mut(&name) {
            None => {
                map.insert(name, Value::String(value));
            }
            Some(Value::Array(values)) => values.push(Value::String(value)),
            Some(one) => *one = json!([one.take(), value]),
        }
    }
    Value::Object(map)
}

/// The pairs of a form or a query.
fn decoded(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (unescaped(name), unescaped(value))
    })
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => match after.get(..2).and_then(|digits| hex::decode(digits).ok()) {
                Some(decoded) => {
                    bytes.extend(decoded);
                    rest = &after[2..];
                }
                None => bytes.push(b'%'),
            },
            byte => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(kind: &str, body: &[u8]) -> Delivery {
        Delivery {
            method: "POST".to_owned(),
            path: "/x".to_owned(),
            query: "a=1&b=%C3%A9+t&a=2".to_owned(),
            headers: vec![
                ("content-type".to_owned(), kind.to_owned()),
                ("authorization".to_owned(), "Bearer secret".to_owned()),
            ],
            body: body.to_vec(),
            test: false,
        }
    }

    #[test]
    fn a_body_is_read_by_its_type_and_kept_as_it_came() {
        let event = delivery("application/json; charset=utf-8", b"{\"n\": 1.50}").event();
        assert_eq!(event["body"]["n"], 1.5);
        assert_eq!(event["raw"], "{\"n\": 1.50}");
        assert_eq!(event["query"], json!({ "a": ["1", "2"], "b": "é t" }));
        assert!(event["headers"].get("authorization").is_none());
        let form = delivery("application/x-www-form-urlencoded", b"x=1%2B1&y").event();
        assert_eq!(form["body"], json!({ "x": "1+1", "y": "" }));
        let bytes = delivery("application/pdf", &[0xff, 0x00]).event();
        assert_eq!(bytes["body"], Value::Null);
        assert_eq!(
            (&bytes["raw"], &bytes["raw_encoding"]),
            (&json!("/wA="), &json!("base64"))
        );
        assert_eq!(delivery("text/plain", b"12").event()["body"], "12");
        assert_eq!(delivery("application/json", b"{").event()["body"], "{");
    }
}
