//! The macros' errors, as a user sees them.

#[test]
fn cases() {
    let cases = trybuild::TestCases::new();
    for family in ["handler", "service", "main", "derive"] {
        cases.pass(format!("ui/{family}/pass/*.rs"));
        cases.compile_fail(format!("ui/{family}/fail/*.rs"));
    }
}
