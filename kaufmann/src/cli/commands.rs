//! The table of all commands: a command is a file, and a row here or in the table of [`cluster`](super::cluster).

use super::command::Command;
use super::{config, run};
use crate::config::Config;
use crate::handler::Service;
use crate::handler::start::Started;

/// All commands, in the order in which the help lists them.
pub(super) fn all<V: Service, R: Started<V::State>, S: AsyncFnOnce(&Config) -> R>() -> Vec<Command<S>> {
    let mut commands = vec![
        #[cfg(feature = "dev")]
        super::dev::entry::<V, R, S>(),
        run::entry::<V, R, S>(),
        #[cfg(feature = "kafka")]
        super::publish::entry::<V, S>(),
    ];
    #[cfg(all(feature = "kafka", feature = "registry"))]
    commands.extend(super::cluster::commands::<V, R, S>());
    commands.extend([
        #[cfg(feature = "registry")]
        super::schema::entry::<V, S>(),
        #[cfg(all(feature = "kafka", feature = "registry"))]
        super::asyncapi::entry::<V, S>(),
        config::entry::<V, S>(),
    ]);
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::{self, Invocation};
    use crate::{Context, HandlerEntry, Outcome};

    struct Nothing;

    impl Service for Nothing {
        type State = ();
        const NAME: &'static str = "Nothing";
        const HANDLERS: &'static [HandlerEntry] = &[];

        async fn dispatch(_: u32, _: &Context<()>) -> Outcome {
            Outcome::done()
        }
    }

    type State = Result<(), String>;
    type Start = fn(&Config) -> std::future::Ready<State>;

    fn commands() -> Vec<Command<Start>> {
        all::<Nothing, State, Start>()
    }

    fn parse(arguments: &[&str]) -> Result<Invocation, clap::Error> {
        let arguments = std::iter::once("nothing").chain(arguments.iter().copied());
        let shapes = commands().into_iter().map(|command| command.arguments).collect();
        arguments::parse::<Nothing>(arguments.map(Into::into), shapes)
    }

    fn names(of: impl Fn(&Command<Start>) -> bool) -> Vec<String> {
        let commands = commands();
        let names = commands.iter().filter(|command| of(command));
        names
            .map(|command| command.arguments.get_name().to_owned())
            .collect()
    }

    #[test]
    fn clap_finds_no_contradiction_in_any_command() {
        // It also takes the flags of the configuration.
        for name in names(|_| true) {
            let help = parse(&["help", &name]).map(drop).unwrap_err();
            assert_eq!(help.exit_code(), 0, "{help}");
        }
    }

    #[test]
    fn commands_are_listed_in_the_order_of_their_use_and_only_those_that_check_exit_with_2_for_errors() {
        let order = [
            "dev", "run", "publish", "lag", "tail", "topics", "dlq", "drain", "replay", "doctor", "schema",
            "asyncapi", "config",
        ];
        let listed = names(|_| true);
        let expected: Vec<_> = order
            .iter()
            .filter(|name| listed.iter().any(|known| known == *name))
            .collect();
        assert_eq!(
            listed.iter().map(String::as_str).collect::<Vec<_>>(),
            expected.into_iter().copied().collect::<Vec<_>>()
        );
        let checking = names(|command| command.error_code == Some(2));
        assert!(
            checking
                .iter()
                .all(|name| ["topics", "doctor", "schema"].contains(&name.as_str())),
            "{checking:?}"
        );
    }

    #[test]
    fn config_prints_toml_or_json() {
        assert!(parse(&["config", "--format", "json"]).is_ok());
        assert_eq!(
            parse(&["config", "--format", "xml"])
                .map(drop)
                .unwrap_err()
                .exit_code(),
            2
        );
    }

    #[cfg(feature = "dev")]
    #[test]
    fn dev_and_another_cluster_or_registry_exclude_each_other() {
        let with_dev: [&[&str]; 8] = [
            &["publish", "a.b", "{}"],
            &["lag"],
            &["tail"],
            &["dlq", "list"],
            &["dlq", "replay"],
            &["dlq", "discard"],
            &["schema", "check"],
            &["schema", "pull"],
        ];
        for command in with_dev {
            assert!(parse(&[command, &["--dev", "--group", "g"]].concat()).is_ok());
            for flag in ["--brokers", "--topics", "--registry-url"] {
                let error = parse(&[command, &["--dev", flag, "h:1"]].concat())
                    .map(drop)
                    .unwrap_err();
                let (code, text) = (error.exit_code(), error.to_string());
                assert!(
                    code == 2 && text.contains("'--dev' cannot be used with") && text.contains(flag),
                    "{text}"
                );
            }
        }
        // `--dev` wins over a variable or the file, as every flag does.
        for refusing in [&["topics", "plan"][..], &["replay", "--from", "0"], &["doctor"]] {
            assert!(
                parse(&[refusing, &["--dev", "--brokers", "h:1"]].concat()).is_ok(),
                "{refusing:?} refuses `--dev` itself, with the reason"
            );
        }
    }
}
