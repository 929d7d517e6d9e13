//! How long to wait before a record is tried again. Pure: the random number is given.

use std::time::Duration;

use crate::config::RetryConfig;

/// The wait after the `attempt`-th failure, counted from 1. `random` is a number in `0.0..1.0`.
pub(crate) fn back_off(config: &RetryConfig, attempt: u32, random: f64) -> Duration {
    let exponent = attempt.saturating_sub(1).min(1000) as i32;
    let grown = config.initial.as_secs_f64() * config.factor.max(1.0).powi(exponent);
    let capped = grown.min(config.max.as_secs_f64());
    let jitter = config.jitter.clamp(0.0, 1.0) * random.clamp(0.0, 1.0);
    Duration::from_secs_f64(capped * (1.0 - jitter))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_the_cap() {
        let config = RetryConfig {
            jitter: 0.0,
            ..RetryConfig::default()
        };
        let waits: Vec<_> = (1..10)
            .map(|attempt| back_off(&config, attempt, 0.5).as_millis())
            .collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000]);
    }

    proptest! {
        #[test]
        fn each_wait_is_the_one_before_times_the_factor_up_to_the_cap(
            initial in 1..5_000u64, factor in 1.0..4.0f64, max in 1..100_000u64, attempts in 1..60u32, chance in 0.0..1.0f64,
        ) {
            let (initial, max) = (Duration::from_millis(initial), Duration::from_millis(max));
            let config = RetryConfig { initial, max, factor, jitter: 0.0, ..RetryConfig::default() };
            let mut expected = initial.as_secs_f64();
            for attempt in 1..=attempts {
                let wait = back_off(&config, attempt, chance).as_secs_f64();
                let capped = expected.min(max.as_secs_f64());
                prop_assert!((wait - capped).abs() < 1e-6, "{wait} instead of {capped}");
                expected = (expected * factor).min(1e9);
            }
        }

        #[test]
        fn a_wait_is_never_over_the_cap_and_never_under_its_jittered_floor(
            attempt in 1..u32::MAX, chance in 0.0..1.0f64, jitter in 0.0..1.0f64,
        ) {
            let config = RetryConfig { jitter, ..RetryConfig::default() };
            let wait = back_off(&config, attempt, chance);
            prop_assert!(wait <= config.max);
            prop_assert!(wait.as_secs_f64() >= config.initial.as_secs_f64() * (1.0 - jitter) - 1e-9);
        }
    }
}
