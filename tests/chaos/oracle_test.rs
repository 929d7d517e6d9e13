//! The oracle finds each kind of violation.

use std::sync::Arc;

use anyhow::{Result, ensure};
use kaufmann_tests::chaos::{Entry, Step};

use crate::oracle::{Fate, History, Reply, Written, judge};
use crate::stage::Stage;

crate::tests![
    a_run_without_faults_has_no_violations,
    a_repetition_may_go_back_to_the_committed_offset,
    a_record_without_an_end_is_found,
    an_unexpected_dead_letter_is_found,
    a_skipped_record_is_found,
    a_record_that_begins_too_early_is_found,
    a_skip_within_a_repetition_is_found,
    a_reply_out_of_order_is_found,
    an_extra_reply_is_found,
    a_duplicate_reply_with_another_id_is_found,
];

/// Four records of a key: the third is refused, and there is one more that cannot be decoded.
fn written() -> History {
    let fates = [
        Fate::Answered,
        Fate::Answered,
        Fate::Refused,
        Fate::Undecodable,
        Fate::Answered,
    ];
    History {
        written: fates
            .map(|fate| Written {
                key: Arc::from("k"),
                fate,
            })
            .to_vec(),
        letters: vec![2, 3],
        ..History::default()
    }
}

impl History {
    fn entry(mut self, incarnation: u32, number: i64, step: Step) -> Self {
        self.journal.push(Entry {
            step,
            incarnation,
            partition: 0,
            offset: number,
            number,
            key: Arc::from("k"),
            attempt: 1,
        });
        self
    }

    fn handled(self, incarnation: u32, number: i64) -> Self {
        let step = if number == 2 { Step::Refused } else { Step::Done };
        self.entry(incarnation, number, Step::Begun)
            .entry(incarnation, number, step)
    }

    fn reply(mut self, number: i64) -> Self {
        self.replies.push(Reply {
            number,
            key: Arc::from("k"),
            id: format!("id-{number}"),
        });
        self
    }

    fn answered(self, incarnation: u32, number: i64) -> Self {
        self.handled(incarnation, number).reply(number)
    }
}

fn right() -> History {
    written()
        .answered(1, 0)
        .answered(1, 1)
        .handled(1, 2)
        .answered(1, 4)
}

fn wrong(history: &History, what: &str) -> Result<()> {
    let told = judge(history).err().unwrap_or_default();
    ensure!(told.len() == 1 && told[0].starts_with(what), "{told:?}");
    Ok(())
}

fn a_run_without_faults_has_no_violations(_: &Stage) -> Result<()> {
    let account = judge(&right()).map_err(|told| anyhow::anyhow!("{told:?}"))?;
    assert_eq!((account.written, account.answered, account.letters), (5, 3, 2));
    assert_eq!((account.repeats, account.duplicates, account.attempts), (0, 0, 4));
    Ok(())
}

fn a_repetition_may_go_back_to_the_committed_offset(_: &Stage) -> Result<()> {
    let history = written()
        .answered(1, 0)
        .answered(1, 1)
        .entry(1, 2, Step::Begun)
        .answered(2, 1)
        .handled(2, 2)
        .answered(2, 4);
    let account = judge(&history).map_err(|told| anyhow::anyhow!("{told:?}"))?;
    assert_eq!((account.repeats, account.duplicates), (2, 1));
    Ok(())
}

fn a_record_without_an_end_is_found(_: &Stage) -> Result<()> {
    let mut history = right();
    history.replies.pop();
    wrong(&history, "a record without an end, 1 times: 4 of k")?;
    let mut history = right();
    history.letters.pop();
    wrong(&history, "a record without an end, 1 times: 3 of k")
}

fn an_unexpected_dead_letter_is_found(_: &Stage) -> Result<()> {
    let mut history = right();
    history.letters.push(4);
    wrong(&history, "a letter that nothing calls for, 1 times: 4")
}

fn a_skipped_record_is_found(_: &Stage) -> Result<()> {
    let history = written().answered(1, 0).answered(1, 1).answered(2, 4);
    let mut history = history.handled(2, 2);
    history.written.truncate(5);
    wrong(&history, "begun before the one before it was done")
}

fn a_record_that_begins_too_early_is_found(_: &Stage) -> Result<()> {
    let history = written()
        .entry(1, 0, Step::Begun)
        .entry(2, 1, Step::Begun)
        .entry(1, 0, Step::Done)
        .entry(2, 1, Step::Done)
        .reply(0)
        .reply(1);
    wrong(
        &history.handled(1, 2).answered(1, 4),
        "begun before the one before it was done, 1 times",
    )
}

fn a_skip_within_a_repetition_is_found(_: &Stage) -> Result<()> {
    // All is done; then the same instance goes back to 0, and jumps from there to 4.
    let history = right().answered(1, 0).answered(1, 4);
    wrong(&history, "skipped by the instance that goes on, 1 times: 1")
}

fn a_reply_out_of_order_is_found(_: &Stage) -> Result<()> {
    let mut history = right();
    history.replies.swap(0, 1);
    wrong(&history, "a reply ahead of its turn, 1 times: 1 of k")
}

fn an_extra_reply_is_found(_: &Stage) -> Result<()> {
    wrong(
        &right().reply(4),
        "more replies than times it was handled, 1 times: 4: 2",
    )
}

fn a_duplicate_reply_with_another_id_is_found(_: &Stage) -> Result<()> {
    let mut history = right().answered(2, 4);
    history.replies[3].id = "another".into();
    wrong(&history, "a reply twice by two ids, 1 times: 4")
}
