//! The README shows the files as they are.

use std::fs;
use std::path::Path;

#[test]
fn the_readme_shows_the_files_as_they_are() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let readme = read("README.md");
    let shown = [
        "schemas/shop/order_placed.avsc",
        "schemas/shop/order_placed.samples.json",
        "build.rs",
        "src/main.rs",
        "src/orders.rs",
        "src/tests.rs",
        "src/customers.rs",
        "kaufmann.toml",
    ];
    for file in shown {
        let text = read(file);
        // Tests are shown by themselves, or not at all.
        let text = text.split("#[cfg(test)]").next().unwrap_or_default().trim();
        assert!(readme.contains(text), "README.md shows another {file}");
    }
}
