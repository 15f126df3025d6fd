//! `webhook`: an address that starts runs.

use std::time::Duration;

use crate::graph::{
    HookAnswer, HookAuth, Level, RESPOND, Signature, SignatureEncoding, SignatureScheme, Trigger,
    TriggerKind, Webhook,
};
use crate::language::diagnostic::Report;
use crate::language::fields::{At, Fields, check_id, map, one_of, texts};
use crate::language::yaml::{Entry, Mark, Node, Yaml};
use crate::text;
use crate::text::Text;

const WEBHOOK: &[&str] = &["path", "methods", "auth", "answer"];
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const ANSWERS: [(&str, HookAnswer); 3] = [
    ("accepted", HookAnswer::Accepted),
    ("outputs", HookAnswer::Outputs),
    ("respond", HookAnswer::Respond),
];
const AUTH: &[&str] = &[
    "scheme",
    "credential",
    "tolerance",
    "header",
    "prefix",
    "encoding",
    "timestamp",
];
const ENCODINGS: [(&str, SignatureEncoding); 2] = [
    ("hex", SignatureEncoding::Hex),
    ("base64", SignatureEncoding::Base64),
];
/// How far a signed instant may be from now, when the file does not say.
const TOLERANCE: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    None,
    Bearer,
    Basic,
    Stripe,
    Github,
    Slack,
    Hmac,
}

const SCHEMES: [(&str, Scheme); 7] = [
    ("none", Scheme::None),
    ("bearer", Scheme::Bearer),
    ("basic", Scheme::Basic),
    ("stripe", Scheme::Stripe),
    ("github", Scheme::Github),
    ("slack", Scheme::Slack),
    ("hmac", Scheme::Hmac),
];

/// Reads a webhook.
pub(super) fn webhook(report: &mut Report<'_>, node: &Node) -> Option<Webhook> {
    let fields = Fields::read(report, node, Text::name("webhook"), WEBHOOK, &[])?;
    let path = fields
        .need(report, node.at, "path")
        .and_then(|_| fields.text(report, "path"));
    if let Some(path) = &path {
        check_path(report, path);
    }
    let mut methods = Vec::new();
    for method in fields
        .get("methods")
        .map_or_else(Vec::new, |node| texts(report, node, Text::name("methods")))
    {
        if METHODS.contains(&method.value) {
            methods.push(method.value.to_owned());
        } else {
            report.error(
                "workflow.unknown_value",
                method.at,
                text!("`{value}` is no method", value = method.value),
                one_of(METHODS.into_iter()),
            );
        }
    }
    methods.sort();
    methods.dedup();
    if methods.is_empty() {
        methods.push("POST".to_owned());
    }
    let auth = match fields.get("auth") {
        None => Some(HookAuth::None),
        Some(node) => auth(report, node),
    };
    let answer = fields.choice(report, "answer", &ANSWERS);
    Some(Webhook {
        path: path?.value.to_owned(),
        methods,
        auth: auth?,
        answer: answer.unwrap_or(HookAnswer::Accepted),
    })
}

fn check_path(report: &mut Report<'_>, path: &At<&str>) {
    let sound = path.value.strip_prefix('/').is_some_and(|rest| {
        rest.split('/').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
        })
    });
    if !sound {
        report.error(
            "workflow.unknown_value",
            path.at,
            text!("`{value}` is no path", value = path.value),
            text!("write words of a-z, 0-9, - and _ with `/` before each: /bank/notify"),
        );
    }
}

fn auth(report: &mut Report<'_>, node: &Node) -> Option<HookAuth> {
    if let Yaml::Text(text) = &node.value {
        if text == "none" {
            return Some(HookAuth::None);
        }
        report.error(
            "workflow.unknown_value",
            node.at,
            text!("`auth` cannot be `{value}` alone", value = text),
            text!("write `none`, or a map with `scheme` and `credential`"),
        );
        return None;
    }
    let fields = Fields::read(report, node, Text::name("auth"), AUTH, &[])?;
    fields.need(report, node.at, "scheme")?;
    let scheme = fields.choice(report, "scheme", &SCHEMES)?;
    let belongs = |name: &str| match name {
        "credential" => scheme != Scheme::None,
        "tolerance" => matches!(scheme, Scheme::Stripe | Scheme::Slack | Scheme::Hmac),
        _ => scheme == Scheme::Hmac,
    };
    for entry in map(report, node, Text::name("auth")).unwrap_or(&[]) {
        if entry.key != "scheme" && AUTH.contains(&entry.key.as_str()) && !belongs(&entry.key) {
            report.error(
                "workflow.conflict",
                entry.at,
                text!(
                    "`{field}` does not belong to this scheme",
                    field = &entry.key
                ),
                text!("take `{field}` away", field = &entry.key),
            );
        }
    }
    if scheme == Scheme::None {
        return Some(HookAuth::None);
    }
    fields.need(report, node.at, "credential");
    let credential = fields.text(report, "credential");
    if let Some(name) = &credential {
        check_id(report, name.value, name.at, text!("a credential"));
    }
    let tolerance = fields.duration(report, "tolerance").unwrap_or(TOLERANCE);
    let generic = match scheme {
        Scheme::Hmac => generic(report, &fields, node.at),
        _ => None,
    };
    let credential = credential?.value.to_owned();
    let scheme = match scheme {
        Scheme::None => return Some(HookAuth::None),
        Scheme::Bearer => return Some(HookAuth::Bearer { credential }),
        Scheme::Basic => return Some(HookAuth::Basic { credential }),
        Scheme::Stripe => SignatureScheme::Stripe,
        Scheme::Github => SignatureScheme::Github,
        Scheme::Slack => SignatureScheme::Slack,
        Scheme::Hmac => generic?,
    };
    Some(HookAuth::Signed(Signature {
        scheme,
        credential,
        tolerance,
    }))
}

fn generic(report: &mut Report<'_>, fields: &Fields<'_>, at: Mark) -> Option<SignatureScheme> {
    fields.need(report, at, "header");
    let header = fields.text(report, "header");
    let prefix = fields.text(report, "prefix");
    let encoding = fields.choice(report, "encoding", &ENCODINGS);
    let timestamp = fields.text(report, "timestamp");
    Some(SignatureScheme::Generic {
        header: header?.value.to_ascii_lowercase(),
        prefix: prefix.map_or_else(String::new, |prefix| prefix.value.to_owned()),
        encoding: encoding.unwrap_or(SignatureEncoding::Hex),
        timestamp: timestamp.map(|header| header.value.to_ascii_lowercase()),
    })
}

/// A webhook that answers by a step has such a step.
pub(in crate::language) fn check_answers(
    report: &mut Report<'_>,
    entry: &Entry,
    triggers: &[Trigger],
    steps: &Level,
) {
    let responds = steps.steps.iter().any(|step| {
        matches!(&step.body, crate::graph::Body::Node { node, .. } if node.spec.name == RESPOND)
    });
    for trigger in triggers {
        let TriggerKind::Webhook(webhook) = &trigger.kind else {
            continue;
        };
        if webhook.answer == HookAnswer::Respond && !responds {
            let place = map(report, &entry.value, Text::name("triggers"))
                .unwrap_or(&[])
                .iter()
                .find(|entry| entry.key == trigger.name)
                .map_or(entry.at, |entry| entry.at);
            report.error(
                "workflow.no_respond",
                place,
                text!(
                    "trigger `{trigger}` answers by `respond`, and no step outside of loops does",
                    trigger = &trigger.name
                ),
                text!("add a step with `uses: respond`, or answer `outputs`"),
            );
        }
    }
}
