//! Where an assignment ends: the offset up to which its records may still start.
//!
//! Records of other keys overtake a slow one, so when a partition is revoked there are gaps below the newest record that was
//! started. The next owner would handle records above a gap again, after those of the gap: late, and out of order. So the gaps
//! are filled first: every shard pauses and reports what it has started, and then the assignment's limit is set to the newest of
//! these offsets. Nothing beyond it starts.

use crate::base::sync;

mod barrier;

pub(crate) use barrier::Barrier;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::assignment::Assignment;
    use crate::source::Waker;

    fn barrier() -> (Arc<Assignment>, Arc<Barrier>) {
        let assignment = Arc::new(Assignment::new(1, "t".into(), 0));
        let barrier = Barrier::new(&[Arc::clone(&assignment)], 2, Waker::new(|| {}));
        (assignment, barrier)
    }

    #[test]
    fn the_limit_is_the_newest_that_was_started() {
        let (assignment, barrier) = barrier();
        assert_eq!(barrier.limit(&assignment, None), i64::MIN);
        barrier.running(&assignment, 4);
        barrier.running(&assignment, 2);
        assert_eq!(barrier.limit(&assignment, Some(3)), 4);
        assert_eq!(barrier.limit(&assignment, Some(9)), 9);
        assignment.handed(11);
        assert_eq!(barrier.limit(&assignment, Some(9)), 11);
    }

    #[test]
    fn nothing_starts_after_what_failed() {
        let (assignment, barrier) = barrier();
        barrier.running(&assignment, 40);
        barrier.failed(&assignment, 20);
        barrier.failed(&assignment, 30);
        assert_eq!(barrier.limit(&assignment, None), 19);
    }

    #[test]
    fn it_is_complete_when_every_shard_has_answered() {
        let (_, barrier) = barrier();
        barrier.answered();
        assert!(!barrier.is_complete());
        barrier.answered();
        assert!(barrier.is_complete());
    }
}
