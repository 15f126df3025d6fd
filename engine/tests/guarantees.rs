//! The engine's guarantees, a file each, in one program: each program of tests
//! takes its time to build. Apart stand those that kill or hold all of theirs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "each test file uses a part of it")]
mod support;

mod approvals;
mod authoring;
mod budget;
mod cases;
mod children;
mod deliveries;
mod language;
mod moves;
mod p10_nothing_is_a_black_box;
mod p10_run_again;
mod p11_schedules;
mod p11_triggers_fire_once;
mod p11_webhooks;
mod p1_accepted_is_durable;
mod p2_shutdown;
mod p3_effects_are_honest;
mod p4_group_commit;
mod p5_fenced;
mod p5_frozen;
mod p6_fair;
mod p6_limits;
mod p7_isolated;
mod p8_bounded;
mod p8_payloads;
mod p9_time_is_a_dependency;
mod retention;
mod rolling_upgrade;
mod versions;
mod waits;
mod waits_at_scale;
mod workflow_diff;
