//! Which modules may import which: the floors of each crate, and the check that nothing imports upwards or in a circle.
//!
//! To add a module, put it on a floor above everything that it imports. `floors.rs` has the rule.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod examples;
mod floors;
mod modules;
mod paths;

use std::fs;
use std::path::Path;

use modules::Modules;

/// A crate, and the modules at its root in floors, the lowest first.
struct House {
    /// Its source folder, from the repository's root.
    src: &'static str,
    /// The file that declares its modules.
    root: &'static str,
    floors: &'static [&'static [&'static str]],
}

const HOUSES: &[House] = &[
    House {
        src: "kaufmann-avro/src",
        root: "lib.rs",
        floors: &[
            &["cursor", "encode", "fingerprint", "suggest"],
            &["codec", "model"],
            &["canonical", "logical", "recursion", "size"],
            &["schema"],
            &["resolve"],
            &["compatibility", "diff", "json"],
            &["parse"],
            &["lock", "arbitrary"],
        ],
    },
    House {
        src: "kaufmann-codegen/src",
        root: "lib.rs",
        floors: &[
            &["error", "config"],
            &["load"],
            &["model"],
            &["naming"],
            &["check"],
            &["lock"],
            &["render", "write"],
            &["pipeline"],
        ],
    },
    House {
        src: "kaufmann-macros/src",
        root: "lib.rs",
        floors: &[
            &["errors", "spans"],
            &["arguments"],
            &["error_class", "handler", "main_fn", "service"],
        ],
    },
    House {
        src: "cargo-kaufmann/src",
        root: "main.rs",
        floors: &[
            &["error"],
            &["names", "plan", "template"],
            &["add", "new"],
            &["arguments"],
        ],
    },
    House {
        src: "kaufmann/src",
        root: "lib.rs",
        floors: &[
            &["base"],
            &["config"],
            &["assignment"],
            &["record"],
            &["handler"],
            &["schema"],
            &["source"],
            &["publish"],
            &["engine"],
            &["kafka"],
            &["cli"],
            &["testing"],
            &["__private", "guide", "types"],
        ],
    },
];

#[test]
fn no_module_imports_from_a_floor_above_it_or_in_a_circle() {
    let check = |house: &House| {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(house.src);
        let modules = Modules::read(house.root, &|file| fs::read_to_string(src.join(file)).ok());
        let broken = floors::check(&modules, house.root, house.floors);
        broken
            .into_iter()
            .map(|text| format!("{}: {text}", house.src))
            .collect::<Vec<_>>()
    };
    let broken: Vec<_> = HOUSES.iter().flat_map(check).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
