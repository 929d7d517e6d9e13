//! Refused commands: each prints its error, and nothing is written.

use super::Desk;

/// A new service, with some files added or replaced.
fn service(files: &[(&str, &str)]) -> Desk {
    let desk = Desk::new();
    desk.done("", &["new", "accounts"]);
    for (path, text) in files {
        desk.write(&format!("accounts/{path}"), text);
    }
    desk
}

#[track_caller]
fn refuses(desk: &Desk, folder: &str, arguments: &[&str], text: &str) {
    let before = desk.tree("");
    let said = desk.run(folder, arguments);
    assert_eq!((said.code, &*said.out), (1, ""), "{}", said.err);
    let here = desk.path("").display().to_string();
    let text = text.replace("DESK/", &here);
    assert_eq!(said.err, format!("error: {text}\n"));
    assert_eq!(desk.tree(""), before, "nothing is written");
}

const TWO: &str = "kaufmann::include_events!();\nkaufmann::service! { struct A { state: (), handlers: [] } }\n\
                   mod b { kaufmann::service! { struct B { state: (), handlers: [] } } }\n";

#[test]
fn a_folder_that_is_not_empty_and_invalid_names_are_refused() {
    let desk = Desk::new();
    desk.write("full/notes.txt", "");
    refuses(
        &desk,
        "",
        &["new", "full"],
        "full is not empty: it contains `notes.txt`; choose a new folder",
    );
    refuses(
        &desk,
        "",
        &["new", "9lives"],
        "`9lives` cannot be a package's name: it does not begin with a letter; choose another with --name",
    );
    refuses(
        &desk,
        "",
        &["new", "accounts", "--path", "full"],
        "full is not a checkout of kaufmann: full/kaufmann/Cargo.toml does not exist; give the folder that contains `kaufmann`",
    );
    refuses(
        &desk,
        "",
        &["new", "full/notes.txt/x"],
        "cannot read the folder full/notes.txt/x: Not a directory (os error 20)",
    );
}

#[test]
fn an_event_that_exists_or_has_an_invalid_name_is_refused() {
    let desk = service(&[(
        "schemas/more.avsc",
        r#"{"type": "record", "name": "user.create", "fields": []}"#,
    )]);
    refuses(
        &desk,
        "accounts",
        &["add", "hello.said"],
        "schemas/hello/said.avsc exists already; write its handler by hand, or choose another name",
    );
    refuses(
        &desk,
        "accounts",
        &["add", "user.create"],
        "the event `user.create` exists already, in another file of schemas; write its handler by hand, or choose another name",
    );
    refuses(
        &desk,
        "accounts",
        &["add", "user.cre-ate"],
        "`user.cre-ate` cannot name a record: a name has letters, digits and underscores, and does not begin with a digit; rename it here, \
         and if others write it under this name, keep it as an alias: \"aliases\": [\"user.cre-ate\"] (for an event \"event\": \
         \"user.cre-ate\" does too)",
    );
    refuses(
        &desk,
        "accounts",
        &["add", "create"],
        "the event `create` has no namespace; add one that says what the event is about, such as `user.create`",
    );
    desk.write("accounts/schemas/more.avsc", r#"{"type": "recrd"}"#);
    let said = desk.run("accounts", &["add", "user.delete"]);
    assert!(
        said.code == 1
            && said.err.starts_with("error: fix the schemas first:\n")
            && said.err.contains("more.avsc:1:"),
        "{}",
        said.err
    );
}

#[test]
fn a_package_without_a_service_is_refused() {
    let desk = Desk::new();
    desk.write("Cargo.toml", "[workspace]\n");
    refuses(
        &desk,
        "",
        &["add", "user.create"],
        "DESK/Cargo.toml is a workspace without a package; go to the folder of a service in it",
    );
    desk.write("Cargo.toml", "[package]\nname = \"x\"\n");
    desk.write("src/main.rs", "fn main() {}\n");
    refuses(
        &desk,
        "",
        &["add", "user.create"],
        "DESK/Cargo.toml does not depend on `kaufmann`; `cargo kaufmann new` creates a package that does",
    );
    desk.write(
        "Cargo.toml",
        "[package]\nname = \"x\"\n[dependencies]\nkaufmann = \"0\"\n",
    );
    let said = desk.run("", &["add", "user.create"]);
    assert!(
        said.err.contains("build.rs: No such file") && said.err.contains("calls `kaufmann_codegen::compile"),
        "{}",
        said.err
    );
    desk.write("build.rs", "fn main() { kaufmann_codegen::compile(\"schemas\") }");
    refuses(
        &desk,
        "",
        &["add", "user.create"],
        "no source in src has a `kaufmann::service!`, which lists the handlers; add one to src/main.rs",
    );
    desk.write("src/main.rs", "kaufmann::service! { pub struct A { state: () } }");
    refuses(
        &desk,
        "",
        &["add", "user.create"],
        "src/main.rs:1: `service!` has no `handlers`; fix this first",
    );
    desk.write(
        "src/main.rs",
        "kaufmann::service! { pub struct A { state: (), handlers: [] } }",
    );
    refuses(
        &desk,
        "",
        &["add", "user.create"],
        "no source has `kaufmann::include_events!();`, which includes the generated types; add it to src/main.rs",
    );
}

#[test]
fn of_several_services_one_must_be_chosen() {
    let desk = service(&[("src/main.rs", TWO)]);
    refuses(
        &desk,
        "accounts",
        &["add", "user.create"],
        "the package has several services; choose one with --service: A (src/main.rs:2), B (src/main.rs:3)",
    );
    refuses(
        &desk,
        "accounts",
        &["add", "user.create", "--service", "C"],
        "no service is named `C`; available: A (src/main.rs:2), B (src/main.rs:3)",
    );
    desk.done("accounts", &["add", "user.create", "--service", "A"]);
    assert!(
        desk.read("accounts/src/main.rs")
            .contains("struct A { state: (), handlers: [user::create] }")
    );
}

#[test]
fn a_name_that_is_taken_is_refused() {
    let desk = service(&[]);
    refuses(
        &desk,
        "accounts",
        &["add", "app.said", "--module", "App"],
        "`App` is not a module with its own file in src/main.rs; choose another module for the handler with --module",
    );
    refuses(
        &desk,
        "accounts",
        &["add", "user.said", "--module", "hello"],
        "`said` exists already in src/hello.rs; choose another name for the event, or another module with --module",
    );
    refuses(
        &desk,
        "accounts",
        &["add", "user.create", "--module", "self"],
        "`self` is not a valid name in Rust; choose another module with --module",
    );
    desk.write("accounts/src/main.rs", "fn main() {");
    let said = desk.run("accounts", &["add", "user.create"]);
    assert!(said.err.starts_with("error: src/main.rs:1:"), "{}", said.err);
}
