use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// How many events and handlers the feature `many` generates.
const MANY: usize = 300;

fn main() {
    if std::env::var_os("CARGO_FEATURE_MANY").is_none() {
        kaufmann_codegen::compile("schemas");
        return;
    }
    println!("cargo::rerun-if-changed=schemas");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"));
    many(&out).expect("the schemas can be written");
    kaufmann_codegen::compile(out.join("schemas"));
}

/// The schemas, and copies of the purchase's, with a handler for each.
fn many(out: &Path) -> std::io::Result<()> {
    let schemas = out.join("schemas");
    fs::create_dir_all(&schemas)?;
    for file in fs::read_dir("schemas")? {
        let file = file?;
        fs::copy(file.path(), schemas.join(file.file_name()))?;
    }
    let purchased = fs::read_to_string("schemas/purchased.avsc")?;
    let (mut handlers, mut names, mut events) = (String::new(), String::new(), String::new());
    for number in 0..MANY {
        let schema = purchased
            .replace("\"Purchased\"", &format!("\"Purchased{number:03}\""))
            .replace("\"bench.purchased\"", &format!("\"bench.purchased{number:03}\""));
        fs::write(schemas.join(format!("purchased{number:03}.avsc")), schema)?;
        let text = format!(
            "#[handler(event = \"bench.purchased{number:03}\")]\n\
             async fn handle{number:03}(event: Purchased{number:03}, cx: &Context<State>) -> Result<(), Failure> {{\n\
             cx.state.checks.handle(event.sequence, event.amount_cents);\n\
             Ok(())\n\
             }}\n"
        );
        handlers.push_str(&text);
        // Writing to a `String` cannot fail.
        _ = write!(names, "handle{number:03}, ");
        _ = write!(
            events,
            "(Purchased{number:03}::INFO.full_name, Purchased{number:03}::INFO.schema), "
        );
    }
    let text = format!(
        "{handlers}\n\
         kaufmann::service! {{ pub(crate) struct Many {{ state: State, handlers: [{names}] }} }}\n\
         pub(super) const EVENTS: [(&str, &str); {MANY}] = [{events}];\n"
    );
    fs::write(out.join("many.rs"), text)
}
