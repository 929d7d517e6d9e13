//! The mode of a service, as its handlers and `start` see it, and the time of day in a kit.

use std::time::Duration;

use kaufmann::config::Mode;
use kaufmann::testing::Kit;

use crate::rig::{Mishap, Numbered, Numbers, Probe, Rig, config};

#[tokio::test]
async fn handlers_know_at_every_attempt_that_they_run_in_a_replay() {
    for (mode, expected) in [(Mode::Run, 0), (Mode::Dev, 0), (Mode::Replay, 3)] {
        let rig = Rig::start(&config().with_mode(mode));
        rig.probe.mishap("k", Mishap::Fail);
        rig.send(0, "k", 1).await;
        rig.send(0, "k", 2).await;
        rig.committed(0, 2).await;
        assert_eq!(rig.probe.log().replays, expected, "{mode:?}");
        rig.stop().await.unwrap();
    }
}

fn numbered() -> Numbered {
    Numbered {
        key: "k".into(),
        number: 1,
    }
}

#[test]
fn a_kit_can_be_a_replay_and_its_start_knows() {
    let probe = Probe::default();
    let mut kit = Kit::<Numbers>::new(probe.clone()).in_replay();
    kit.given(numbered()).then_handled();
    assert_eq!(probe.log().replays, 1);
    drop(kit);

    let (probe, mut told) = (Probe::default(), None);
    let config = kaufmann::Config::default().with_mode(Mode::Replay);
    let mut kit = Kit::<Numbers>::start(&config, async |config| {
        told = Some(config.mode());
        Ok::<_, String>(probe.clone())
    });
    kit.given(numbered()).then_handled();
    drop(kit);
    assert_eq!((told, probe.log().replays), (Some(Mode::Replay), 1));
}

#[test]
fn events_published_in_a_kit_have_the_time_of_its_clock() {
    let probe = Probe::default();
    probe.reply();
    let mut kit = Kit::<Numbers>::new(probe);
    let times = |kit: &mut Kit<Numbers>| -> Vec<String> {
        let published = kit.published();
        let time = |message: &kaufmann::publish::Message| {
            let time = message.headers.get("ce_time").unwrap();
            // To the second: timers are due up to a millisecond late.
            String::from_utf8_lossy(&time[..19]).into_owned()
        };
        published.iter().map(time).collect()
    };
    kit.given(numbered()).then_handled();
    assert_eq!(times(&mut kit), ["2026-01-01T00:00:00"]);
    kit.after(Duration::from_secs(86_400));
    kit.given(numbered()).then_handled();
    assert_eq!(times(&mut kit), ["2026-01-01T00:00:00", "2026-01-02T00:00:00"]);
}
