//! Every place at which a test may kill the process.

/// Writes and commits of the store, and the moment of an external effect. Each
/// has a failpoint `NAME:before` and one `NAME:after`; a test compares the list
/// with the source.
pub const POINTS: &[&str] = &[
    "checkpoint.commit",
    "checkpoint.reread_inbox",
    "checkpoint.write",
    "claim.claim",
    "claim.claim_alone",
    "claim.commit",
    "claim.give_back",
    "claim.give_back.commit",
    "external.act",
    "heartbeat.beat",
    "heartbeat.beat.commit",
    "heartbeat.leave",
    "heartbeat.leave.commit",
    "inbox.answer.commit",
    "inbox.commit",
    "inbox.insert",
    "keys.commit",
    "keys.erase_tenant",
    "keys.insert",
    "letters.lock",
    "letters.send",
    "rescue.adopt.commit",
    "rescue.adopt_orphans",
    "rescue.bury",
    "rescue.commit",
    "rescue.lock_dead",
    "rescue.take_over",
    "retention.commit",
    "retention.keep_history",
    "runs.insert",
    "runs.start.commit",
    "steps.commit",
    "steps.lock",
    "steps.record",
    "tenants.set",
    "tenants.set.commit",
    "timers.fire",
    "timers.fire.commit",
    "transaction.commit",
    "waits.decide.commit",
    "waits.deliver.commit",
    "waits.hear",
    "waits.lock_run",
    "waits.take_delivery",
    "waits.take_question",
    "waits.write",
    "workflows.insert_version",
    "workflows.publish",
    "workflows.publish.commit",
    "workflows.save.commit",
    "workflows.upsert",
];

/// Names of all failpoints.
pub fn failpoints() -> impl Iterator<Item = String> {
    POINTS
        .iter()
        .flat_map(|name| [format!("{name}:before"), format!("{name}:after")])
}
