//! `copro token`: the bearer tokens of a tenant's machines.

use super::Done;
use crate::app::App;
use crate::cli::Token;
use crate::failure::Failure;
use crate::screen::{Screen, Side, Style, Table};
use crate::tenancy::tenant_of;
use crate::words::Words;

/// Makes, lists or revokes tokens. A new one is printed once, alone on its line.
///
/// # Errors
/// When there is no such token, or the database does not answer.
pub async fn execute(
    app: &App,
    command: &Token,
    screen: &Screen,
    words: &Words,
) -> Result<Done, Failure> {
    match command {
        Token::Create { name, tenant } => {
            let token = app.engine.create_token(tenant_of(tenant), name).await?;
            screen.line(&token);
        }
        Token::List { tenant } => {
            let tokens = app.engine.tokens(tenant_of(tenant)).await?;
            if tokens.is_empty() {
                screen.line(&words.say("token.none"));
            }
            let mut table = Table::new([Side::Left, Side::Left, Side::Left, Side::Left]);
            for token in tokens {
                let state = match token.revoked_at {
                    Some(_) => words.say("token.revoked"),
                    None => String::new(),
                };
                table.row([
                    (Style::Plain, token.id.to_string()),
                    (Style::Bold, token.name),
                    (Style::Dim, words.day(token.created_at.date_naive())),
                    (Style::Red, state),
                ]);
            }
            table.print(screen, 0);
        }
        Token::Revoke { id, tenant } => {
            if !app.engine.revoke_token(tenant_of(tenant), *id).await? {
                return Err(Failure::new("unknown_token").with("token", id));
            }
            screen.line(&words.say("token.revoked"));
        }
    }
    Ok(Done::Well)
}
