//! `copro bench`: how fast the engine is, beside the same rows written by hand.
//!
//! Workload and floor take turns on one server that is thrown away, with its
//! settings as shipped; what is quoted are medians and their ratio, not seconds.

#![expect(
    clippy::float_arithmetic,
    reason = "rates and ratios are measures, not money"
)]

mod floor;
mod load;
mod nodes;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use database::local;
use engine::clock::SystemClock;
use engine::crypto::MasterKey;
use engine::ids::TenantId;
use engine::{Engine, StartRun, Worker, WorkerOptions};
use serde::Serialize;
use serde_json::json;

use self::load::Target;
use self::server::Server;
use super::Done;
use crate::app::Scratch;
use crate::cli::{Bench, Door};
use crate::config::Config;
use crate::failure::Failure;
use crate::screen::{Screen, Side, Style, Table};
use crate::words::Words;
use crate::{memory, store};

/// Turns of workload and floor.
const ROUNDS: u32 = 3;
/// The folder of the floors, beside the workloads, and their table.
const FLOORS: &str = "floor";
const SCHEMA: &str = "schema.sql";
/// The folder of what is there before a workload is driven.
const BEFORE: &str = "before";

/// A workload, where its floor is written, and what is there before.
struct Workload {
    name: String,
    source: String,
    before: Option<PathBuf>,
    floor: Option<PathBuf>,
    schema: Option<PathBuf>,
}

/// What was measured of a workload.
#[derive(Debug, Serialize)]
struct Measured {
    workload: String,
    clients: usize,
    runs_per_s: f64,
    steps_per_s: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    floor_runs_per_s: Option<f64>,
    ratio: Option<f64>,
    peak_rss_mib: Option<usize>,
}

/// Measures each workload and prints what it found.
///
/// # Errors
/// When a file cannot be used, or there is no PostgreSQL on this machine.
pub async fn execute(
    asked: &Bench,
    config: &Config,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    if asked.serve {
        return server::serve(config, screen).await;
    }
    let workloads: Vec<Workload> = asked
        .files
        .iter()
        .map(|file| Workload::read(file))
        .collect::<Result<_, _>>()?;
    let scratch = Scratch::start(config).await?;
    let measured = measure_all(&workloads, asked, config, &scratch).await;
    // What the measure failed of is what to tell.
    let stopped = scratch.stop().await;
    let measured = measured?;
    stopped?;
    if asked.json {
        let text = serde_json::to_string_pretty(&measured)
            .map_err(|error| Failure::new("engine").caused_by(error))?;
        screen.line(&text);
    } else {
        show(&measured, screen, words);
    }
    Ok(Done::Well)
}

impl Workload {
    fn read(file: &Path) -> Result<Self, Failure> {
        let source = fs::read_to_string(file).map_err(|error| Failure::io("read", file, error))?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let floors = file.with_file_name(FLOORS);
        let there = |path: PathBuf| path.is_file().then_some(path);
        Ok(Self {
            before: there(file.with_file_name(BEFORE).join(format!("{name}.sql"))),
            floor: there(floors.join(format!("{name}.sql"))),
            schema: there(floors.join(SCHEMA)),
            name: name.into_owned(),
            source,
        })
    }
}

async fn measure_all(
    workloads: &[Workload],
    asked: &Bench,
    config: &Config,
    scratch: &Scratch,
) -> Result<Vec<Measured>, Failure> {
    let mut schemas: Vec<&PathBuf> = workloads
        .iter()
        .filter_map(|it| it.schema.as_ref())
        .collect();
    schemas.dedup();
    for path in schemas {
        prepare(&scratch.admin_url(), path).await?;
    }
    let pgbench = local::program("pgbench", config.postgres_programs.as_deref())
        .map_err(|error| Failure::new("private_database").caused_by(error))?;
    let registry = nodes::registry().expect("the list of nodes is checked by a test");
    let master = MasterKey::generate();
    let door = match asked.door {
        Door::Process => None,
        Door::Http => Some(Server::start(scratch, &master).await?),
    };
    let clock = Arc::new(SystemClock);
    let engine = Engine::new(scratch.pool(), registry, master, clock);
    let tenant = TenantId::new(chrono::DateTime::UNIX_EPOCH);
    let mut worker = None;
    let (target, process) = match &door {
        Some(server) => (Target::Http(server.address, tenant), server.process),
        None => {
            worker = Some(Worker::start(engine.clone(), WorkerOptions::default()).await?);
            (Target::Process(engine.clone(), tenant), std::process::id())
        }
    };
    let measure = Measure {
        engine,
        tenant,
        target,
        process,
        clients: asked.clients,
        turn: Duration::from_secs(asked.seconds) / ROUNDS,
        pgbench,
        url: scratch.url(),
        admin_url: scratch.admin_url(),
    };
    let mut measured = Ok(Vec::new());
    for workload in workloads {
        let Ok(found) = &mut measured else { break };
        match measure.workload(workload).await {
            Ok(it) => found.push(it),
            Err(failure) => measured = Err(failure),
        }
    }
    if let Some(mut worker) = worker {
        worker.stop().await;
    }
    let stopped = match door {
        Some(server) => server.stop().await,
        None => Ok(()),
    };
    // What the measure failed of is what to tell.
    let measured = measured?;
    stopped?;
    Ok(measured)
}

async fn prepare(admin_url: &str, path: &Path) -> Result<(), Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::io("read", path, error))?;
    store::bench::prepare_bench(admin_url, &text).await
}

struct Measure {
    engine: Engine,
    tenant: TenantId,
    target: Target,
    /// The process that executes the runs.
    process: u32,
    clients: usize,
    turn: Duration,
    pgbench: PathBuf,
    url: String,
    admin_url: String,
}

impl Measure {
    async fn workload(&self, it: &Workload) -> Result<Measured, Failure> {
        let saved = self.engine.save(self.tenant, &it.source).await?;
        self.engine.publish(self.tenant, saved.id).await?;
        if let Some(path) = &it.before {
            prepare(&self.admin_url, path).await?;
        }
        let steps = self.warm(&saved.workflow).await?;
        memory::forget_peak(self.process);
        let (mut turns, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let name = &saved.workflow;
            turns.push(load::drive(&self.target, name, self.clients, self.turn).await?);
            if let Some(script) = &it.floor {
                let (program, url) = (&self.pgbench, &self.url);
                floors.push(floor::drive(program, url, script, self.clients, self.turn).await?);
            }
        }
        let rates = turns.iter().map(|turn| rate(turn.took.len(), turn.elapsed));
        let runs_per_s = median(rates.collect());
        let floor_runs_per_s = (!floors.is_empty()).then(|| median(floors));
        let millis = |of_a_hundred| {
            let times = turns
                .iter()
                .map(|turn| turn.percentile(of_a_hundred).as_secs_f64());
            rounded(median(times.collect()) * 1000.0, 3)
        };
        Ok(Measured {
            workload: it.name.clone(),
            clients: self.clients,
            runs_per_s: rounded(runs_per_s, 1),
            steps_per_s: rounded(runs_per_s * f64::from(steps), 1),
            p50_ms: millis(50),
            p95_ms: millis(95),
            p99_ms: millis(99),
            floor_runs_per_s: floor_runs_per_s.map(|rate| rounded(rate, 1)),
            ratio: floor_runs_per_s.map(|floor| rounded(runs_per_s / floor, 3)),
            peak_rss_mib: memory::peak_mib(self.process),
        })
    }

    /// Runs it a few times, and tells how many attempts of steps a run has.
    async fn warm(&self, workflow: &str) -> Result<u32, Failure> {
        let mut steps = 0;
        for n in 0..3 {
            let start = StartRun::new(workflow, json!({ "n": n }));
            let end = self.engine.execute(self.tenant, &start).await?;
            let view = self.engine.run(self.tenant, end.run).await?;
            steps = view.steps.iter().map(|step| step.attempts.len()).sum();
        }
        Ok(u32::try_from(steps).unwrap_or(u32::MAX))
    }
}

fn rate(runs: usize, elapsed: Duration) -> f64 {
    f64::from(u32::try_from(runs).unwrap_or(u32::MAX)) / elapsed.as_secs_f64().max(f64::EPSILON)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn rounded(value: f64, places: i32) -> f64 {
    let scale = 10_f64.powi(places);
    (value * scale).round() / scale
}

fn show(measured: &[Measured], screen: &Screen, words: &Words) {
    const COLUMNS: [&str; 10] = [
        "workload", "clients", "runs", "steps", "p50", "p95", "p99", "floor", "ratio", "memory",
    ];
    let mut sides = [Side::Right; COLUMNS.len()];
    sides[0] = Side::Left;
    let mut table = Table::new(sides);
    let heads = COLUMNS.map(|column| words.say(&format!("bench.{column}")));
    table.plain(Style::Dim, heads);
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    for it in measured {
        let plain = |text: String| (Style::Plain, text);
        table.row([
            (Style::Bold, it.workload.clone()),
            plain(it.clients.to_string()),
            plain(format!("{:.0}", it.runs_per_s)),
            plain(format!("{:.0}", it.steps_per_s)),
            plain(format!("{:.2}", it.p50_ms)),
            plain(format!("{:.2}", it.p95_ms)),
            plain(format!("{:.2}", it.p99_ms)),
            plain(or_none(
                it.floor_runs_per_s.map(|rate| format!("{rate:.0}")),
            )),
            (
                Style::Bold,
                or_none(it.ratio.map(|ratio| format!("{ratio:.2}"))),
            ),
            plain(or_none(it.peak_rss_mib.map(|mib| mib.to_string()))),
        ]);
    }
    for line in table.render(screen, 0) {
        screen.line(&line);
    }
}
