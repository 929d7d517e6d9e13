//! The commands that use the service's cluster and its schema registry, and their shared parts.

use super::command::Command;
use super::quietly::quietly;
use crate::config::Config;
use crate::handler::Service;
use crate::handler::start::Started;

mod age;
mod columns;
mod decoder;
mod dlq;
mod doctor;
mod drain;
pub(super) mod ending;
mod lag;
mod options;
mod position;
mod replay;
pub(super) mod shown;
pub(super) mod stranded;
mod tail;
mod topics;

/// The table: one row for each command, in the order of the help.
pub(super) fn commands<V: Service, R: Started<V::State>, S: AsyncFnOnce(&Config) -> R>() -> Vec<Command<S>> {
    vec![
        Command::new(lag::command(), |matches, config, _| {
            quietly(config, |config| lag::run::<V>(config, lag::request(matches)))
        }),
        Command::new(tail::command(), |matches, config, _| {
            quietly(config, |config| tail::run::<V>(config, tail::request(matches)))
        }),
        Command {
            error_code: Some(2),
            ..Command::new(topics::command(), |matches, config, _| {
                quietly(config, |config| {
                    topics::run::<V>(config, topics::request(matches))
                })
            })
        },
        Command::new(dlq::arguments::command(), |matches, config, _| {
            quietly(config, |config| {
                dlq::run::<V>(config.without_transactions(), dlq::arguments::request(matches))
            })
        }),
        Command::new(drain::command(), |matches, config, _| {
            quietly(config, |config| {
                drain::run::<V>(config.without_transactions(), drain::request(matches))
            })
        }),
        Command::new(replay::command(), |matches, config, start| {
            quietly(config, |config| {
                replay::run::<V, R>(config.without_transactions(), replay::request(matches), start)
            })
        }),
        Command {
            error_code: Some(2),
            ..Command::new(doctor::command(), |matches, config, _| {
                quietly(config, |config| {
                    doctor::run::<V>(config, doctor::request(matches))
                })
            })
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::{dlq, doctor, drain, lag, replay, tail, topics};
    use crate::cli::codes::{Codes, RUN};
    use crate::cli::{publish, schema};

    fn words(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The codes as a guide lists them.
    fn listed(codes: &Codes) -> String {
        let listed: Vec<_> = codes
            .iter()
            .map(|(code, meaning)| format!("**{code}** {meaning}"))
            .collect();
        words(&listed.join("; "))
    }

    #[test]
    fn the_guides_list_the_codes_that_help_lists() {
        let operations = words(include_str!("../../docs/operations.md"));
        for codes in [
            RUN,
            publish::CODES,
            lag::CODES,
            tail::CODES,
            topics::CODES,
            dlq::arguments::CODES,
            drain::CODES,
            replay::CODES,
            doctor::CODES,
        ] {
            let listed = listed(codes);
            assert!(operations.contains(&listed), "operations.md lacks: {listed}");
        }
        let commands = words(include_str!("../../docs/schema_commands.md"));
        let listed = listed(schema::arguments::CODES);
        assert!(commands.contains(&listed), "schema_commands.md lacks: {listed}");
    }
}
