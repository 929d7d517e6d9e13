//! The created and changed files.

use std::fs;
use std::path::Path;

use super::Desk;

/// Compares a text with the golden file, or writes the file.
fn is_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("KAUFMANN_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    assert!(
        golden == text,
        "{name} is now:\n{text}\nKAUFMANN_BLESS=1 accepts it"
    );
}

#[test]
fn a_new_service_is_these_files() {
    let desk = Desk::new();
    let said = desk.done("", &["new", "shop/accounts"]);
    is_golden("new.txt", &format!("{said}\n{}", desk.tree("shop/accounts")));
}

#[test]
fn a_new_service_depends_on_what_it_is_told_to() {
    for (name, arguments) in [
        ("version", &["--version", "0.2"][..]),
        ("git", &["--git", "https://example.org/kaufmann", "--tag", "v1"]),
        ("path", &["--path", "checkout"]),
    ] {
        let desk = Desk::new();
        for package in ["kaufmann", "kaufmann-codegen"] {
            desk.write(&format!("checkout/{package}/Cargo.toml"), "");
        }
        let mut all = vec!["new", "accounts"];
        all.extend(arguments);
        desk.done("", &all);
        let manifest = desk.read("accounts/Cargo.toml");
        let dependencies: Vec<_> = manifest
            .lines()
            .filter(|line| line.starts_with("kaufmann"))
            .collect();
        is_golden(&format!("new_{name}.txt"), &(dependencies.join("\n") + "\n"));
    }
}

#[test]
fn a_package_may_have_another_name_than_its_folder_and_a_repository_be_there() {
    let desk = Desk::new();
    desk.write("app/.git/HEAD", "");
    desk.done("app", &["new", ".", "--name", "shop-app"]);
    assert!(desk.read("app/Cargo.toml").contains("name = \"shop-app\"\n"));
    assert!(desk.read("app/src/main.rs").contains("pub struct ShopApp {"));
}

#[test]
fn a_service_in_a_workspace_becomes_a_member_of_it() {
    let desk = Desk::new();
    let before = "[workspace]\nmembers = [\"shop/orders\"]\n";
    desk.write("Cargo.toml", before);
    let manifest = desk.path("Cargo.toml");
    let said = desk.done("", &["new", "shop/accounts", "--dry-run"]);
    assert!(
        said.contains(&format!("would change  {}: ", manifest.display())),
        "{said}"
    );
    assert_eq!(desk.read("Cargo.toml"), before);

    let said = desk.done("", &["new", "shop/accounts"]);
    let expected = format!(
        "changed  {}: `shop/accounts` is a member of the workspace\n",
        manifest.display()
    );
    assert!(said.contains(&expected), "{said}");
    assert_eq!(
        desk.read("Cargo.toml"),
        "[workspace]\nmembers = [\"shop/orders\", \"shop/accounts\"]\n"
    );
}

#[test]
fn an_event_is_added_with_its_schema_its_sample_its_handler_and_its_entry() {
    let desk = Desk::new();
    desk.done("", &["new", "accounts"]);
    let before = desk.tree("accounts");
    let would = desk.done("accounts", &["add", "user.create", "--dry-run"]);
    assert_eq!(desk.tree("accounts"), before, "a dry run writes nothing");
    let mut said = desk.done("accounts", &["add", "user.create"]);
    assert_eq!(would, would_of(&said));
    // Into an existing file, with its imports; with a long name; and an event that is only published.
    said += &desk.done("accounts/src", &["add", "hello.answered"]);
    said += &desk.done(
        "accounts",
        &[
            "add",
            "com.example.user.addressChangedByItsOwner",
            "--module",
            "customers",
        ],
    );
    said += &desk.done("accounts", &["add", "user.type"]);
    said += &desk.done("accounts", &["add", "user.created", "--no-handler"]);
    is_golden("add.txt", &format!("{said}\n{}", desk.tree("accounts")));
}

/// The report of a dry run, for the report of a run.
fn would_of(said: &str) -> String {
    let done = said.split("\nNext:").next().unwrap();
    let would = done
        .replace("created  ", "would create  ")
        .replace("changed  ", "would change  ");
    would.trim_end().to_owned() + "\n"
}

#[test]
fn a_handler_goes_into_the_file_of_a_list_in_a_module() {
    let desk = Desk::new();
    desk.write(
        "Cargo.toml",
        "[package]\nname = \"shop-accounts\"\n[dependencies]\nkaufmann = \"0.1\"\n",
    );
    desk.write(
        "build.rs",
        "fn main() { kaufmann_codegen::Config::new().strip_prefix(\"com.example\").compile(\"avro\"); }",
    );
    desk.write(
        "src/lib.rs",
        "//! Accounts.\n\npub mod accounts;\n\nkaufmann::include_events!();\n",
    );
    desk.write(
        "src/accounts.rs",
        "use kaufmann::handler;\n\npub struct Ledger;\n\nkaufmann::service! {\n    pub struct Accounts {\n        state: Ledger,\n        \
         handlers: [\n            open, // first\n        ],\n    }\n}\n\n#[handler(event = \"account.open\")]\npub async fn \
         open() {}\n\n#[cfg(test)]\nmod tests {}\n",
    );
    let said = desk.done("", &["add", "com.example.account.close"]);
    is_golden("add_in_a_module.txt", &format!("{said}\n{}", desk.tree("")));
}

#[test]
fn help_teaches_by_examples() {
    let desk = Desk::new();
    let helps = [&["--help"][..], &["new", "--help"], &["add", "--help"]];
    let helps = helps.map(|arguments| desk.done("", arguments));
    is_golden("help.txt", &helps.join("\n"));
}
