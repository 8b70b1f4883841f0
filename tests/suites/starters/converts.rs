//! `file-converter.yaml`.

use std::path::Path;

use lazaret_tests::case::Case;
use lazaret_tests::setup::Js;
use lazaret_tests::world::World;
use serde_json::{Value, json};

use super::{Starter, killed};

pub(super) fn cases(js: Js) -> Vec<Case> {
    vec![
        Case::on(
            js,
            "starters: a converter turns the files of one directory into those of another",
            converts,
        ),
        Case::on(
            js,
            "starters: a converter that leaves its two directories is ended",
            leaves,
        ),
    ]
}

/// The two directories, under their real name.
struct Desk {
    _directory: tempfile::TempDir,
    from: String,
    to: String,
}

impl Desk {
    fn new(world: &World) -> anyhow::Result<Self> {
        let directory = world.directory()?;
        let root = fs_err::canonicalize(directory.path())?;
        let [from, to] = ["in", "out"].map(|name| root.join(name).to_string_lossy().into_owned());
        for path in [&from, &to] {
            fs_err::create_dir(path)?;
        }
        for name in ["cities.csv", ".draft.csv", "notes.txt"] {
            fs_err::write(Path::new(&from).join(name), "city,high\nKobe,31\n")?;
        }
        Ok(Self {
            _directory: directory,
            from,
            to,
        })
    }

    fn starter(&self, js: Js) -> anyhow::Result<Starter> {
        let places = [
            ("/srv/converter/in", self.from.as_str()),
            ("/srv/converter/out", self.to.as_str()),
        ];
        Starter::new(js, "file-converter", &places)
    }
}

async fn converts(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, desk) = (world.host()?, Desk::new(world)?);
    let plugin = host.launch(&desk.starter(js)?.plugin()?).await?;
    let places = json!({ "from": desk.from, "to": desk.to });
    let written = plugin.call("convert", places).await?;
    // Hidden files are nobody's input.
    assert_eq!(written, json!(["cities.json"]));
    let text = fs_err::read_to_string(Path::new(&desk.to).join("cities.json"))?;
    let table: Value = serde_json::from_str(&text)?;
    assert_eq!(table, json!([{ "city": "Kobe", "high": "31" }]));
    assert_eq!(plugin.stop().await?.violation_count, 0);
    Ok(())
}

async fn leaves(world: &World, js: Js) -> anyhow::Result<()> {
    let (host, desk) = (world.host()?, Desk::new(world)?);
    let hostile = desk.starter(js)?.hostile();
    let input = format!("{}/cities.csv", desk.from);
    let beside = format!("{}/../beside", desk.to);
    let root = desk.to.trim_end_matches("/out");
    for (call, lacks) in [
        (
            ("read", json!(["/etc/shadow"])),
            "file:read:/etc/shadow".to_owned(),
        ),
        (("write", json!([input])), format!("file:write:{input}")),
        (
            ("write", json!([beside])),
            format!("file:write:{root}/beside"),
        ),
    ] {
        killed(&host, &hostile, call, &lacks).await?;
    }
    assert_eq!(fs_err::read_to_string(input)?, "city,high\nKobe,31\n");
    assert!(!Path::new(root).join("beside").exists());
    Ok(())
}
