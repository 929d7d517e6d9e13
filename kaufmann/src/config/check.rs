//! Checks of a configuration, wherever it came from: the bounds of single values, keys that need each other, and what a command
//! requires.

#[cfg(feature = "cli")]
pub(crate) mod loaded;

use serde_json::Value;

use super::keys::KEYS;
use super::kind::Kind;
use super::problem::Problems;
use super::{Config, Delivery, RetryTopicsConfig};
use crate::base::error::{Error, ErrorKind};
use crate::config::topic::{INTERNAL, is_internal};
pub(crate) use crate::config::topic::{TOPIC, is_topic};

impl Config {
    /// Checks that numbers and durations are within the bounds of their keys, as in a file. Other values have no bounds beyond their
    /// types.
    pub(crate) fn check_bounds(&self) -> Result<(), Error> {
        self.check_bounds_at(&|_| String::new())
    }

    /// Checks the bounds; `at` returns where a key was set.
    fn check_bounds_at(&self, at: &dyn Fn(&str) -> String) -> Result<(), Error> {
        let mut problems = Problems::default();
        let all = serde_json::to_value(self).map_err(|error| {
            Error::new(ErrorKind::Internal, "the configuration could not be checked").caused_by(error)
        })?;
        for mistake in super::limits::mistakes(&self.dead_letter) {
            problems.push(format!("{}{mistake}", at("dead_letter")));
        }
        for key in KEYS {
            let value = key.path.split('.').try_fold(&all, |table, name| table.get(name));
            match (key.kind, value) {
                // Not set.
                (Kind::Duration { .. }, Some(Value::Null)) => {}
                (
                    kind @ (Kind::Count { .. }
                    | Kind::Bytes
                    | Kind::Duration { .. }
                    | Kind::Durations { .. }
                    | Kind::Number { .. }),
                    Some(value),
                ) => {
                    if let Err(mismatch) = kind.read(value) {
                        problems.push(format!(
                            "{}`{}` is {}, expected {}",
                            at(key.path),
                            key.path,
                            mismatch.found,
                            mismatch.expected
                        ));
                    }
                }
                _ => {}
            }
        }
        self.check_retry_topics(at, &mut problems);
        problems.into_result()
    }

    /// Checks which settings retry topics need, and which they exclude.
    fn check_retry_topics(&self, at: &dyn Fn(&str) -> String, problems: &mut Problems) {
        let RetryTopicsConfig { delays, names } = &self.retry.topics;
        if names.len() > delays.len() || (!names.is_empty() && names.len() < delays.len()) {
            problems.push(format!(
                "{}`retry.topics.names` has {}, but `retry.topics.delays` has {}; give each delay its topic, or remove the names",
                at("retry.topics.names"),
                names.len(),
                delays.len()
            ));
        }
        if delays.is_empty() {
            return;
        }
        if self.delivery == Delivery::AtMostOnce {
            problems.push(format!(
                "{}`retry.topics` has no effect with `delivery = \"at_most_once\"`, which does not retry; remove one",
                at("retry.topics")
            ));
        }
        if self.retry.max_attempts == 0 {
            problems.push(format!(
                "{}`retry.topics` has no effect with `retry.max_attempts` = 0, where no attempt is the last one; remove one",
                at("retry.topics")
            ));
        }
        let at = at("retry.topics");
        let topics: Vec<String> = self.retry_topics().into_iter().map(|(name, _)| name).collect();
        for (place, topic) in topics.iter().enumerate() {
            if !is_topic(topic) {
                problems.push(format!("{at}`retry.topics` has `{topic}`, expected {TOPIC}"));
            } else if is_internal(topic) {
                problems.push(format!("{at}`retry.topics` has `{topic}`, which is {INTERNAL}"));
            } else if topics[..place].contains(topic) {
                problems.push(format!(
                    "{at}`retry.topics` has `{topic}` twice, but a topic has one delay; give each delay its own topic in \
                     `retry.topics.names`"
                ));
            } else if self.topics.contains(topic) {
                problems.push(format!(
                    "{at}`retry.topics` and `topics` both have `{topic}`; remove it from one"
                ));
            } else if *topic == self.dead_letter_topic() {
                problems.push(format!(
                    "{at}`retry.topics` has the dead-letter topic `{topic}`; give one another name"
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::RetryConfig;

    fn problems(config: &Config) -> String {
        config.check_bounds().unwrap_err().to_string()
    }

    #[test]
    fn the_default_is_within_its_bounds() {
        Config::default().check_bounds().unwrap();
    }

    #[test]
    fn more_threads_than_any_machine_has_cores_are_refused() {
        let config = |worker_threads| Config {
            worker_threads,
            ..Config::default()
        };
        config(1024).check_bounds().unwrap();
        let error = config(1025).check_bounds().unwrap_err().to_string();
        assert!(
            error.contains("`worker_threads` is 1025, expected a whole number from 0 to 1024"),
            "{error}"
        );
    }

    #[test]
    fn a_program_may_set_no_less_than_a_file() {
        let too_small = Config {
            commit_interval: Duration::ZERO,
            max_in_flight: 0,
            ..Config::default()
        };
        assert_eq!(
            problems(&too_small),
            "2 mistakes in the configuration:\n  \
             `max_in_flight` is 0, expected a whole number of at least 1\n  \
             `commit_interval` is \"0s\", expected a duration of at least 10ms such as \"250ms\", \"30s\" or \"5m\""
        );
    }

    #[test]
    fn a_program_may_set_no_more_than_a_file_and_no_nan() {
        let too_large = Config {
            shutdown_deadline: Duration::MAX,
            ..Config::default()
        };
        assert!(problems(&too_large).starts_with("`shutdown_deadline` is "));
        let no_number = Config {
            retry: RetryConfig {
                jitter: f64::NAN,
                ..RetryConfig::default()
            },
            ..Config::default()
        };
        assert_eq!(
            problems(&no_number),
            "`retry.jitter` is nothing, expected a number from 0 to 1"
        );
    }

    #[test]
    fn what_retry_topics_need_and_exclude_is_checked_for_programs_too() {
        let check = |change: fn(&mut Config)| {
            let mut config = Config {
                group: "g".to_owned(),
                topics: vec!["orders".to_owned()],
                ..Config::default()
            };
            config.retry.topics.delays = vec![Duration::from_secs(60), Duration::from_secs(600)];
            change(&mut config);
            config
                .check_bounds()
                .err()
                .map_or_else(String::new, |error| error.to_string())
        };
        assert_eq!(check(|_| ()), "");
        fn names(config: &mut Config, names: &[&str]) {
            config.retry.topics.names = names.iter().map(|name| (*name).to_owned()).collect();
        }
        assert!(check(|config| config.delivery = Delivery::AtMostOnce).contains("at_most_once"));
        assert!(check(|config| config.retry.max_attempts = 0).contains("no attempt is the last one"));
        assert!(check(|config| config.retry.topics.delays[1] = Duration::from_secs(60)).contains("twice"));
        assert!(check(|config| config.retry.topics.delays[1] = Duration::ZERO).contains("at least 100ms"));
        assert_eq!(
            check(|config| names(config, &["a"])),
            "`retry.topics.names` has 1, but `retry.topics.delays` has 2; give each delay its topic, or remove the names"
        );
        assert!(check(|config| names(config, &["a", "orders"])).contains("`topics` both have `orders`"));
        assert!(check(|config| names(config, &["g.dead-letter", "a"])).contains("the dead-letter topic"));
        assert!(check(|config| names(config, &["a b", "c"])).contains("has `a b`, expected"));
    }

    /// Sets each key to one less than its minimum, as a program would.
    #[test]
    fn the_minimum_of_each_key_holds_for_programs_too() {
        for key in KEYS {
            let below = match key.kind {
                Kind::Count { min, .. } if min > 0 => Value::from(min - 1),
                Kind::Bytes => Value::from(0),
                Kind::Duration { min } if min > 0 => Value::from(format!("{}ms", min - 1)),
                Kind::Number { min, .. } => Value::from(min - 0.5),
                _ => continue,
            };
            let mut all = serde_json::to_value(Config::default()).unwrap();
            let place = key
                .path
                .split('.')
                .try_fold(&mut all, |table, name| table.get_mut(name));
            *place.unwrap() = below;
            let config: Config = serde_json::from_value(all).unwrap();
            assert!(
                problems(&config).contains(&format!("`{}` is ", key.path)),
                "{}",
                key.path
            );
        }
    }
}
