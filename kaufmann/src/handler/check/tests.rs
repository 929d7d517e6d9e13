use super::*;

static A: EventInfo = EventInfo { name: "a", ..POISON };
static B: EventInfo = EventInfo { name: "b", ..POISON };

fn place(at: usize, path: &'static str, event: Option<&'static EventInfo>, index: usize) -> Placed {
    Listed {
        event,
        tombstone: false,
        index,
        returns: &[],
        emits: &[],
        limits: Limits::OPEN,
    }
    .place(at, path)
}

fn panic_text(check: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let panic = std::panic::catch_unwind(check).expect_err("the check passed");
    panic.downcast_ref::<String>().expect("a text").clone()
}

#[test]
fn one_index_of_two_schema_folders_is_no_duplicate() {
    let list = [
        place(0, "x", Some(&A), 0),
        place(1, "y", Some(&B), 0),
        place(2, "z", Some(&A), 0),
    ];
    assert_eq!(earlier::<3, 6>(&list), [usize::MAX, usize::MAX, 0]);
    let text = panic_text(move || listed_once(&list, &[usize::MAX, usize::MAX, 0], 2));
    assert_eq!(text, "event `a` is handled by both `x` and `z`");
}

#[test]
fn places_are_those_of_the_list_as_written() {
    // The entry at 0 was removed by a `cfg`.
    let list = [place(1, "x", Some(&A), 0), place(2, "x", Some(&A), 0)];
    let earlier = earlier::<3, 6>(&list);
    assert_eq!(earlier, [usize::MAX, usize::MAX, 0]);
    listed_once(&list, &earlier, 0);
    assert_eq!(
        panic_text(move || listed_once(&list, &earlier, 2)),
        "handler `x` is listed twice"
    );
}

#[test]
fn a_poisoned_handler_causes_no_second_error() {
    let list = [
        place(0, "x", Some(&POISON), usize::MAX),
        place(1, "y", Some(&POISON), usize::MAX),
    ];
    assert_eq!(earlier::<2, 4>(&list), [usize::MAX; 2]);
    exhaustive(&["a"], &list, &[]);
}

#[test]
fn a_second_catch_all_is_refused() {
    let list = [place(0, "x", None, usize::MAX), place(1, "y", None, usize::MAX)];
    let earlier = earlier::<2, 4>(&list);
    let text = panic_text(move || listed_once(&list, &earlier, 1));
    assert_eq!(
        text,
        "`x` and `y` are both catch-all handlers; a service has at most one"
    );
}

#[test]
fn a_catch_all_does_not_make_a_list_exhaustive() {
    let list = [place(0, "x", None, usize::MAX), place(1, "y", Some(&B), 1)];
    let text = panic_text(move || exhaustive(&["a", "b"], &list, &[]));
    assert_eq!(
        text,
        "no handler for `a`; list a handler, or add the event's type to `ignore`"
    );
    exhaustive(&["a", "b"], &list, &[(&A, 0)]);
}

#[test]
fn only_the_first_missing_events_are_named() {
    let text = panic_text(|| exhaustive(&["a", "b", "c", "d", "e", "f", "g"], &[], &[]));
    assert!(
        text.starts_with("no handler for `a`, `b`, `c`, `d`, `e`, …; "),
        "{text}"
    );
}

#[test]
fn what_does_not_fit_into_a_message_is_left_out() {
    let long = "ä".repeat(700);
    let message = Message::new(&long).add(&long).add("!");
    assert_eq!(message.text(), format!("{long}!"));
}
