//! The reference in `docs/policy.md` is the language's own.

use lazaret_policy::{KEYS, SecurityLevel, Shape};

const BEGIN: &str = "<!-- keys: written by a test from the language itself -->\n";
const END: &str = "<!-- end of keys -->\n";

fn table() -> String {
    let mut table = "| key | form | minimal | standard | maximum | change | what it is for |\n\
                     | --- | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for key in KEYS {
        let form = match key.shape {
            Shape::Size => "size".to_owned(),
            Shape::Time => "time".to_owned(),
            Shape::Share => "share".to_owned(),
            Shape::Keep => "time to keep".to_owned(),
            Shape::Count(_) => "number".to_owned(),
            Shape::Word(words) => format!("`{}`", words.join("`, `")),
            Shape::Words(words) => format!("list of `{}`", words.join("`, `")),
            Shape::Name => "name".to_owned(),
            Shape::Display => "display".to_owned(),
            Shape::Path => "path".to_owned(),
            Shape::Names => "list of names".to_owned(),
        };
        let levels: Vec<String> = SecurityLevel::ALL
            .iter()
            .map(|level| key.at(*level).unwrap_or_else(|| "–".to_owned()))
            .collect();
        let levels = levels.join(" | ");
        table.push_str(&format!(
            "| `{}` | {form} | {levels} | {} | {} |\n",
            key.path,
            key.change(),
            key.text
        ));
    }
    table
}

#[test]
fn the_table_of_keys_is_true() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/policy.md");
    let text = fs_err::read_to_string(path).expect("read");
    let (before, rest) = text.split_once(BEGIN).expect("the first mark");
    let (kept, after) = rest.split_once(END).expect("the last mark");
    let table = table();
    if kept != table && std::env::var_os("LAZARET_WRITE").is_some() {
        fs_err::write(path, format!("{before}{BEGIN}{table}{END}{after}")).expect("written");
        return;
    }
    assert!(
        kept == table,
        "the table in `docs/policy.md` is not the language's\n  hint: LAZARET_WRITE=1 cargo test -p lazaret-policy --test reference"
    );
}
