//! The poller sends commands while a shard reads them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;

use shuttle::{future, thread};

use super::{SCHEDULES, sync, yield_perhaps};

#[path = "../shard/inbox.rs"]
#[allow(dead_code, reason = "a model does not use all of it")]
mod product;

use product::{Command, Inbox};

#[test]
fn a_shard_sleeps_only_while_it_has_read_every_command_and_reads_them_in_order() {
    let model = || {
        let inbox = Arc::new(Inbox::default());
        let poller = {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || {
                (0..3).for_each(|_| inbox.send(Command::Batch(Arc::default())));
                inbox.send(Command::Fenced);
                inbox.send(Command::End);
            })
        };
        let mut read = Vec::new();
        future::block_on(std::future::poll_fn(|cx| {
            // In the order of a shard's round.
            inbox.register(cx.waker());
            yield_perhaps();
            let mut commands = VecDeque::new();
            inbox.take(&mut commands);
            read.extend(commands);
            yield_perhaps();
            match read.last() {
                Some(Command::End) => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        poller.join().unwrap();
        let is_batch = |command: &Command| matches!(command, Command::Batch(_));
        assert_eq!(read.iter().position(|command| !is_batch(command)), Some(3));
        assert!(matches!(read[3..], [Command::Fenced, Command::End]));
    };
    shuttle::check_random(model, SCHEDULES);
    shuttle::check_pct(model, SCHEDULES, 3);
}
