//! The command line: what can be typed. The words come from the catalogue.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::{Arg, Args, Command, CommandFactory, Parser, Subcommand, ValueEnum};
use uuid::Uuid;

use crate::words::{Language, Words};

/// `copro`: the command line of Le copropriétaire.
#[derive(Debug, Parser)]
#[command(name = "copro", version, disable_help_subcommand = true)]
pub struct Cli {
    /// Language of the screen.
    #[arg(long, global = true, value_name = "fr|en", hide_possible_values = true)]
    pub lang: Option<Language>,
    #[command(subcommand)]
    pub command: Commands,
}

/// What `copro` can do.
#[derive(Debug, Subcommand)]
pub enum Commands {
    Demo(Demo),
    Run(Run),
    Runs {
        #[command(subcommand)]
        command: Runs,
    },
    Reviews(Reviews),
    Workflow {
        #[command(subcommand)]
        command: Workflow,
    },
    Backtest {
        #[command(subcommand)]
        command: Backtest,
    },
    Bench(Bench),
    Triggers {
        #[command(flatten)]
        tenant: Tenant,
    },
    Serve {
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<SocketAddr>,
        #[arg(long)]
        demo: bool,
    },
    Token {
        #[command(subcommand)]
        command: Token,
    },
    Secret {
        #[command(subcommand)]
        command: Secret,
    },
    Migrate,
    Openapi,
    Worker,
}

/// `copro bench`.
#[derive(Debug, Args)]
pub struct Bench {
    #[arg(value_name = "FILE", required_unless_present = "serve")]
    pub files: Vec<PathBuf>,
    #[arg(
        long,
        value_name = "http|process",
        default_value = "http",
        hide_possible_values = true
    )]
    pub door: Door,
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = at_least_one::<usize>)]
    pub clients: usize,
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = at_least_one::<u64>)]
    pub seconds: u64,
    #[arg(long)]
    pub json: bool,
    /// What the measure starts: the server that it asks.
    #[arg(long, hide = true, conflicts_with = "files")]
    pub serve: bool,
}

/// Where the clients of `copro bench` come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Door {
    /// Webhooks of a `copro` of its own, which answers with the outputs.
    Http,
    /// The engine, in the same process.
    Process,
}

/// A count that may not be zero.
fn at_least_one<T: std::str::FromStr + Default + PartialEq>(text: &str) -> Result<T, String> {
    let count = text.parse().ok().filter(|count| *count != T::default());
    count.ok_or_else(|| format!("{text} < 1"))
}

/// `copro demo`.
#[derive(Debug, Args)]
pub struct Demo {
    #[arg(long)]
    pub again: bool,
}

/// `copro run`.
#[derive(Debug, Args)]
pub struct Run {
    #[arg(value_name = "FILE|NAME")]
    pub workflow: String,
    #[arg(
        long,
        value_name = "JSON",
        default_value = "{}",
        hide_default_value = true
    )]
    pub input: String,
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub tenant: Tenant,
}

/// Whose data a command works on.
#[derive(Debug, Args)]
pub struct Tenant {
    #[arg(long = "tenant", value_name = "UUID")]
    pub id: Option<Uuid>,
}

/// `copro runs …`.
#[derive(Debug, Subcommand)]
pub enum Runs {
    List {
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        tenant: Tenant,
    },
    Show {
        #[arg(value_name = "RUN")]
        run: Uuid,
        #[command(flatten)]
        tenant: Tenant,
    },
    Waiting {
        #[arg(long, value_name = "ROLE")]
        role: Vec<String>,
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        tenant: Tenant,
    },
    Approve(Approve),
    Watch {
        #[arg(value_name = "RUN")]
        run: Uuid,
        #[command(flatten)]
        tenant: Tenant,
    },
    Cancel(CancelRuns),
    Retry(RetryRuns),
    Rerun(RerunRun),
}

/// Which runs are meant.
#[derive(Debug, Args)]
pub struct Filter {
    #[arg(long, id = "by_workflow", value_name = "NAME")]
    pub workflow: Option<String>,
    #[arg(long, id = "by_status", value_name = "STATUS")]
    pub status: Option<String>,
    #[arg(long, id = "by_label", value_name = "NAME=VALUE")]
    pub label: Option<String>,
    #[arg(long, id = "by_since", value_name = "DATE|2h")]
    pub since: Option<String>,
}

/// Many runs at once.
#[derive(Debug, Args)]
pub struct ByFilter {
    #[command(flatten)]
    pub filter: Filter,
    #[arg(long, id = "by_yes")]
    pub yes: bool,
    #[arg(long, id = "by_rate", value_name = "N", default_value_t = 50, value_parser = at_least_one::<u32>)]
    pub rate: u32,
    #[arg(long, id = "by_resume", value_name = "OPERATION")]
    pub resume: Option<Uuid>,
}

/// `copro runs cancel`.
#[derive(Debug, Args)]
pub struct CancelRuns {
    #[arg(value_name = "RUN")]
    pub run: Option<Uuid>,
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub many: ByFilter,
    #[command(flatten)]
    pub tenant: Tenant,
}

/// `copro runs retry`.
#[derive(Debug, Args)]
pub struct RetryRuns {
    #[arg(value_name = "RUN")]
    pub run: Option<Uuid>,
    #[arg(
        long = "version",
        id = "on_version",
        value_name = "NUMBER|published",
        requires = "run"
    )]
    pub version: Option<String>,
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub many: ByFilter,
    #[command(flatten)]
    pub tenant: Tenant,
}

/// `copro runs rerun`.
#[derive(Debug, Args)]
pub struct RerunRun {
    #[arg(value_name = "RUN")]
    pub run: Uuid,
    #[arg(long, value_name = "STEP")]
    pub from: Vec<String>,
    #[arg(long, value_name = "JSON")]
    pub input: Option<String>,
    #[arg(long, value_name = "STEP=JSON")]
    pub set: Vec<String>,
    #[arg(long = "version", id = "on_version", value_name = "NUMBER|published")]
    pub version: Option<String>,
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub tenant: Tenant,
}

/// `copro runs approve`.
#[derive(Debug, Args)]
pub struct Approve {
    #[arg(value_name = "RUN")]
    pub run: Uuid,
    #[arg(value_name = "STEP")]
    pub step: String,
    #[arg(long = "as", value_name = "NAME")]
    pub name: String,
    #[arg(long, value_name = "ROLE")]
    pub role: Vec<String>,
    #[arg(long)]
    pub refuse: bool,
    #[arg(long, value_name = "JSON")]
    pub form: Option<String>,
    #[command(flatten)]
    pub tenant: Tenant,
}

/// `copro reviews`.
#[derive(Debug, Args)]
pub struct Reviews {
    #[arg(value_name = "LINE")]
    pub line: Option<Uuid>,
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
    #[command(flatten)]
    pub tenant: Tenant,
}

/// `copro workflow …`.
#[derive(Debug, Subcommand)]
pub enum Workflow {
    Check {
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    Schema,
    Test {
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        #[arg(long)]
        coverage: bool,
    },
    DryRun(DryRun),
    Replay(Replay),
    Move {
        #[arg(value_name = "NAME")]
        name: String,
        #[arg(long, value_name = "NUMBER|published")]
        to: String,
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        tenant: Tenant,
    },
    Diff {
        #[arg(value_name = "FILE|NAME[@VERSION]")]
        old: String,
        #[arg(value_name = "FILE|NAME[@VERSION]")]
        new: String,
        #[command(flatten)]
        tenant: Tenant,
    },
    Push {
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        #[arg(long)]
        draft: bool,
        #[command(flatten)]
        tenant: Tenant,
    },
}

/// `copro workflow dry-run`.
#[derive(Debug, Args)]
pub struct DryRun {
    #[arg(value_name = "FILE|NAME[@VERSION]")]
    pub workflow: String,
    #[arg(
        long,
        value_name = "JSON",
        default_value = "{}",
        hide_default_value = true
    )]
    pub input: String,
    #[arg(long, value_name = "FILE")]
    pub stubs: Option<PathBuf>,
    #[arg(long)]
    pub read: bool,
    #[command(flatten)]
    pub tenant: Tenant,
}

/// `copro workflow replay`.
#[derive(Debug, Args)]
pub struct Replay {
    #[arg(value_name = "FILE|NAME[@VERSION]")]
    pub workflow: String,
    #[arg(long, value_name = "RUN", num_args = 1..)]
    pub runs: Vec<Uuid>,
    #[command(flatten)]
    pub filter: Filter,
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
    #[command(flatten)]
    pub tenant: Tenant,
}

/// `copro token …`.
#[derive(Debug, Subcommand)]
pub enum Token {
    Create {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        tenant: Tenant,
    },
    List {
        #[command(flatten)]
        tenant: Tenant,
    },
    Revoke {
        #[arg(value_name = "TOKEN", id = "token")]
        id: Uuid,
        #[command(flatten)]
        tenant: Tenant,
    },
}

/// `copro secret …`.
#[derive(Debug, Subcommand)]
pub enum Secret {
    Set {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        tenant: Tenant,
    },
    List {
        #[command(flatten)]
        tenant: Tenant,
    },
    Remove {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        tenant: Tenant,
    },
}

/// `copro backtest …`.
#[derive(Debug, Subcommand)]
pub enum Backtest {
    Reconciliation {
        #[arg(value_name = "DIR")]
        world: PathBuf,
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[arg(long, value_name = "FILE")]
        answers: Option<PathBuf>,
    },
}

/// Where the help of `copro` itself begins in the catalogue.
const ROOT: &str = "cli.help";

/// The command with its help in the language of the screen.
#[must_use]
pub fn command(words: &Words) -> Command {
    localized(Cli::command(), ROOT, words)
}

fn localized(command: Command, path: &str, words: &Words) -> Command {
    let headings = [
        ("{usage-heading}", words.say("cli.usage")),
        ("{commands}", words.say("cli.commands")),
        ("{options}", words.say("cli.options")),
        ("{arguments}", words.say("cli.arguments")),
    ];
    let heading = |name: &str| {
        headings
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, text)| text)
            .to_owned()
    };
    let (has_commands, has_arguments) = (
        command.has_subcommands(),
        command.get_positionals().next().is_some(),
    );
    let mut template = format!("{{about}}\n\n{} {{usage}}\n", heading("{usage-heading}"));
    if has_commands {
        template.push_str(&format!("\n{}\n{{subcommands}}\n", heading("{commands}")));
    }
    if has_arguments {
        template.push_str(&format!("\n{}\n{{positionals}}\n", heading("{arguments}")));
    }
    template.push_str(&format!("\n{}\n{{options}}", heading("{options}")));
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    let ids: Vec<String> = command
        .get_arguments()
        .map(|arg| arg.get_id().to_string())
        .collect();
    let mut command = command
        .about(words.say(&format!("{path}.about")))
        .help_template(StyledStr::from(template))
        .disable_help_flag(true)
        .disable_version_flag(true)
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .action(clap::ArgAction::Help)
                .help(words.say("cli.help_flag")),
        );
    if path == ROOT {
        command = command.arg(
            Arg::new("version")
                .short('V')
                .long("version")
                .action(clap::ArgAction::Version)
                .help(words.say("cli.version_flag")),
        );
    }
    for id in ids
        .iter()
        .filter(|id| !matches!(id.as_str(), "help" | "version"))
    {
        let shared = matches!(id.as_str(), "lang" | "id") || id.starts_with("by_");
        let key = if shared {
            format!("cli.arg.{id}")
        } else {
            format!("{path}.{id}")
        };
        let help = words.say(&key);
        command = command.mut_arg(id, |arg| arg.help(help));
    }
    for name in names {
        let below = format!("{path}.{name}");
        command = command.mut_subcommand(name, |sub| localized(sub, &below, words));
    }
    command
}
