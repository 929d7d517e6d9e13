//! The service under faults. It writes each step of its handler to a journal file, and answers every job.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kaufmann::{Context, Failure, handler};
use kaufmann_tests::chaos::{Conduct, Dice, Entry, Journal, Manners, Step};
use serde::Deserialize;

kaufmann::include_events!();

use events::chaos;

/// The table `[app]`.
#[derive(Deserialize)]
struct Settings {
    journal: PathBuf,
    incarnation: u32,
    seed: u64,
    #[serde(flatten)]
    manners: Manners,
}

/// The service's state.
struct Desk {
    settings: Settings,
    journal: Journal,
}

kaufmann::service! {
    /// Handles jobs, more or less well, and records it.
    struct Jobs {
        state: Desk,
        handlers: [job],
    }
}

#[kaufmann::main(Jobs)]
async fn start(config: &kaufmann::Config) -> Result<Desk, kaufmann::BoxError> {
    let settings: Settings = config.app()?;
    let journal = Journal::open(&settings.journal)?;
    Ok(Desk { settings, journal })
}

/// Behaves according to its number.
#[handler(event = "chaos.job")]
async fn job(event: chaos::JobRef<'_>, cx: &Context<Desk>) -> Result<chaos::JobDone, Failure> {
    let desk = &*cx.state;
    let record = cx.record();
    let note = |step| {
        desk.journal.write(&Entry {
            step,
            incarnation: desk.settings.incarnation,
            partition: record.partition(),
            offset: record.offset(),
            number: event.number,
            key: Arc::from(event.key),
            attempt: cx.attempt(),
        })
    };
    note(Step::Begun)?;
    let mut padding = String::new();
    match desk.settings.manners.conduct(desk.settings.seed, event.number) {
        Conduct::Well => tokio::time::sleep(Duration::from_millis(event.number.unsigned_abs() % 4)).await,
        Conduct::Hang(time) => tokio::time::sleep(time).await,
        Conduct::Stick(attempts) if cx.attempt() <= attempts => std::future::pending().await,
        Conduct::Block(time) => std::thread::sleep(time),
        Conduct::Panic(attempts) if cx.attempt() <= attempts => panic!("job {} panics", event.number),
        Conduct::Fail(attempts) if cx.attempt() <= attempts => {
            return Err(Failure::new(format!("job {} fails", event.number)));
        }
        Conduct::Allocate(bytes) => drop(std::hint::black_box(vec![1_u8; bytes])),
        Conduct::Refuse => {
            note(Step::Refused)?;
            return Err(Failure::new(format!("job {} is refused", event.number)).dead_letter());
        }
        Conduct::Large(bytes) => padding = noise(event.number, bytes),
        Conduct::Stick(_) | Conduct::Panic(_) | Conduct::Fail(_) => {}
    }
    note(Step::Done)?;
    Ok(chaos::JobDone {
        number: event.number,
        key: event.key.to_owned(),
        padding,
    })
}

/// Text that does not compress.
fn noise(number: i64, bytes: usize) -> String {
    let mut dice = Dice::of(number.unsigned_abs(), 0);
    let letters =
        std::iter::repeat_with(|| char::from(b'0' + u8::try_from(dice.between(0, 63)).unwrap_or(0)));
    letters.take(bytes).collect()
}
