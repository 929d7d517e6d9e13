//! Where an assignment ends: the offset up to which its records may still start.
//!
//! Records of other keys overtake a slow one, so when a partition is revoked there are gaps below the newest record that was
//! started. What is settled above a gap would be handled again by the next owner, after it has handled the gap: late, and
//! out of order. So the gaps are filled first: every shard holds still and says what it has started, and then the
//! assignment's limit is set behind the newest of that. Nothing beyond it starts.

use crate::base::sync;

mod survey;

pub(crate) use survey::Survey;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::assignment::Assignment;
    use crate::source::Waker;

    fn survey() -> (Arc<Assignment>, Arc<Survey>) {
        let assignment = Arc::new(Assignment::new(1, "t".into(), 0));
        let survey = Survey::new(&[Arc::clone(&assignment)], 2, Waker::new(|| {}));
        (assignment, survey)
    }

    #[test]
    fn the_limit_is_the_newest_that_was_started() {
        let (assignment, survey) = survey();
        assert_eq!(survey.limit(&assignment, None), i64::MIN);
        survey.running(&assignment, 4);
        survey.running(&assignment, 2);
        assert_eq!(survey.limit(&assignment, Some(3)), 4);
        assert_eq!(survey.limit(&assignment, Some(9)), 9);
        assignment.handed(11);
        assert_eq!(survey.limit(&assignment, Some(9)), 11);
    }

    #[test]
    fn nothing_starts_behind_what_failed() {
        let (assignment, survey) = survey();
        survey.running(&assignment, 40);
        survey.failed(&assignment, 20);
        survey.failed(&assignment, 30);
        assert_eq!(survey.limit(&assignment, None), 19);
    }

    #[test]
    fn it_is_complete_when_every_shard_has_answered() {
        let (_, survey) = survey();
        survey.answered();
        assert!(!survey.is_complete());
        survey.answered();
        assert!(survey.is_complete());
    }
}
