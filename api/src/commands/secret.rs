//! `copro secret`: what webhooks are signed with, sealed with the tenant's key.

use std::io::Read;

use super::Done;
use crate::app::App;
use crate::cli::Secret;
use crate::failure::Failure;
use crate::screen::{Screen, Side, Style, Table};
use crate::tenancy::tenant_of;
use crate::words::Words;

/// Sets a secret from the standard input, lists their names, or forgets one.
///
/// # Errors
/// When there is no such secret, nothing to read, or the database does not answer.
pub async fn execute(
    app: &App,
    command: &Secret,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    match command {
        Secret::Set { name, tenant } => {
            let mut secret = String::new();
            std::io::stdin()
                .read_to_string(&mut secret)
                .map_err(|error| Failure::new("no_secret_given").caused_by(error))?;
            if secret.trim().is_empty() {
                return Err(Failure::new("no_secret_given"));
            }
            let engine = &app.engine;
            engine
                .set_credential(tenant_of(tenant), name, secret.trim_end_matches('\n'))
                .await?;
            screen.line(&words.text("secret.set", &[("name", name)]));
        }
        Secret::List { tenant } => {
            let secrets = app.engine.credentials(tenant_of(tenant)).await?;
            if secrets.is_empty() {
                screen.line(&words.say("secret.none"));
            }
            let mut table = Table::new([Side::Left, Side::Left]);
            for (name, at) in secrets {
                table.row([
                    (Style::Bold, name),
                    (Style::Dim, words.day(at.date_naive())),
                ]);
            }
            table.print(screen, 0);
        }
        Secret::Remove { name, tenant } => {
            if !app
                .engine
                .remove_credential(tenant_of(tenant), name)
                .await?
            {
                return Err(Failure::new("unknown_secret").with("name", name));
            }
            screen.line(&words.text("secret.removed", &[("name", name)]));
        }
    }
    Ok(Done::Well)
}
