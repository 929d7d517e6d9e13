//! Waiting for another process: by asking it, until a deadline.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often another process is asked.
const EVERY: Duration = Duration::from_millis(50);

/// The longest time between two answers that counts. What is longer was not spent waiting: this process, and with it all that it
/// has started, was stopped, or its machine was.
const LONGEST: Duration = Duration::from_secs(35);

/// Asks until the answer is `Some`, and returns it.
///
/// # Errors
///
/// If the question itself fails, or when `deadline` has passed without an answer; `what` says what was waited for.
pub fn wait_until<T>(
    what: &str,
    deadline: Duration,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let (mut waited, mut last) = (Duration::ZERO, Instant::now());
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        let now = Instant::now();
        waited += (now - last).min(LONGEST);
        last = now;
        if waited > deadline {
            bail!("waited {} s in vain: {what}", deadline.as_secs());
        }
        std::thread::sleep(EVERY);
    }
}
