//! The created files are right as they are.

use super::package::Package;

#[test]
fn a_created_service_is_formatted_passes_clippy_and_its_tests() {
    let package = Package::new("made");
    package.add(&["user.create"]);
    package.add(&["hello.answered"]);
    package.add(&[
        "com.example.user.addressChangedByItsOwner",
        "--module",
        "customers",
    ]);
    package.add(&["user.type"]);
    package.add(&["user.created", "--no-handler"]);
    assert_eq!(package.unformatted(), "");
    let said = package.cargo_with_clippy(&["test"]);
    let tested = format!("{}{}", said.out, said.err);
    assert!(
        said.code == Some(0) && tested.contains("2 passed; 0 failed"),
        "{tested}"
    );
}
