//! Plugins in TypeScript, compiled in a container of its own, and names that modules import by.

use anyhow::{Context, bail, ensure};
use lazaret::cli::ExitCode;
use lazaret::supervisor::LaunchError;
use lazaret_tests::case::Case;
use lazaret_tests::command::{command, run};
use lazaret_tests::setup::{Js, Setup, on_disk};
use lazaret_tests::world::World;
use serde_json::json;

/// Those of what is compiled, whatever runs it.
pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "modules: sources that the compiler does not survive are refused and the engine goes on",
            bombs,
        ),
        Case::new(
            "modules: the command line runs TypeScript, keeps what was compiled and believes no other",
            command_line,
        ),
    ]
}

/// Those in which the code runs.
pub(crate) fn javascript_cases(js: Js) -> Vec<Case> {
    vec![Case::on(
        js,
        "modules: TypeScript is compiled, finds what it imports and keeps its places",
        compiled,
    )]
}

const MANIFEST: &str = "apiVersion: lazaret/v1\nkind: Plugin\nentry: src/main.ts\nimports: { colors: ./src/colors.mts, lib/: ./vendor/ }\n";

const MAIN: &str = "import { Color, type Shade } from 'colors';
import { twice } from 'lib/twice.js';

interface Given {
  shade: Shade;
}
export const shades = async (given: Given): Promise<unknown[]> =>
  [Color[given.shade], twice(Color.Green), (await import('./late.ts')).late];

export function fail(what: string): never {
  throw new RangeError(what satisfies string);
}
export const broken = () => import('./broken.ts');
export const outside = (specifier: string) => import(specifier);
";

fn typescript(js: Js, name: &str) -> Setup {
    let colors = "export enum Color { Red, Green = Red + 4 }\nexport type Shade = 0 | 4;\n";
    Setup::javascript(js, name, "")
        .with("plugin.yaml", MANIFEST)
        .with("src/main.ts", MAIN)
        .with("src/colors.mts", colors)
        .with("src/late.ts", "export const late: string = 'late';")
        .with("src/broken.ts", "type A = 1;\nconst a: A = ;\n")
        .with("vendor/twice.js", "export const twice = (n) => 2 * n;")
}

async fn compiled(world: &World, js: Js) -> anyhow::Result<()> {
    let host = world.host()?;
    // The second time from what was kept.
    for _ in 0..2 {
        let plugin = host.launch(&typescript(js, "shades")).await?;
        let shades = plugin.call("shades", json!({ "shade": 4 })).await?;
        assert_eq!(shades, json!(["Green", 8, "late"]));
        let error = plugin.thrown("fail", json!(["no"])).await?;
        let place = error.location.unwrap_or_default();
        ensure!(place.starts_with("src/main.ts:11:"), "thrown at {place}");
        let error = plugin.thrown("broken", json!([])).await?;
        for part in ["src/broken.ts:2:14: ", "`const a: A = ;`"] {
            ensure!(error.message.contains(part), "{}", error.message);
        }
        for specifier in [
            "../../etc/passwd.ts",
            "/etc/passwd.ts",
            "file:///etc/a.ts",
            "data:text/typescript,1",
            "https://example.com/a.ts",
            "lib/../../../a.ts",
            "./%2e%2e/%2e%2e/a.ts",
            "./a%00.ts",
            "no-such-name",
        ] {
            let error = plugin.thrown("outside", json!([specifier])).await?;
            let refused = format!("import of `{specifier}` from `src/main.ts` refused");
            ensure!(error.message.contains(&refused), "{}", error.message);
        }
        plugin.stop().await?;
    }
    Ok(())
}

async fn bombs(world: &World) -> anyhow::Result<()> {
    let host = world.host()?;
    // Deeper than its stack, and far more scopes than its memory holds.
    let deep = format!("export const a = {}", "[".repeat(2_000_000));
    let wide = "{".repeat(1_000) + &"{}".repeat(2_000_000) + &"}".repeat(1_000);
    for (name, source) in [("deep", deep), ("wide", wide)] {
        let setup = typescript(Js::QuickJs, name).with("src/bomb.ts", source);
        match host.try_launch(&setup).await? {
            Err(LaunchError::Compile(error)) => {
                let text = error.to_string();
                for part in [name, "src/bomb.ts"] {
                    ensure!(text.contains(part), "{text}");
                }
            }
            Err(error) => return Err(error.into()),
            Ok(_) => bail!("`{name}` was compiled"),
        }
        let twin = host.launch(&typescript(Js::QuickJs, "twin")).await?;
        let shades = twin.call("shades", json!({ "shade": 0 })).await?;
        assert_eq!(shades, json!(["Red", 8, "late"]));
        twin.stop().await?;
    }
    Ok(())
}

fn command_line(world: &World) -> anyhow::Result<()> {
    let directory = on_disk(world, &typescript(Js::QuickJs, "shades"))?;
    let path = directory.path().join("shades").display().to_string();
    let state = directory.path().join("state");
    let given = state.display().to_string();
    let arguments = [
        "run",
        &path,
        "--state",
        &given,
        "--call",
        "shades",
        "--args",
        r#"{"shade":4}"#,
    ];
    let shades =
        || run(command(&world.parts.lazaret(), arguments))?.answered("[\"Green\",8,\"late\"]\n");
    shades()?;
    let kept: Vec<_> = fs_err::read_dir(state.join("compiled"))?.collect::<Result<_, _>>()?;
    let [kept] = &kept[..] else {
        bail!("kept: {kept:?}");
    };
    // What lies there and is not what was kept is compiled again.
    let mut content = fs_err::read(kept.path())?;
    *content.last_mut().context("an empty entry")? ^= 1;
    fs_err::write(kept.path(), &content)?;
    shades()?;
    ensure!(fs_err::read(kept.path())? != content, "it was believed");
    let file = directory.path().join("one.ts");
    fs_err::write(
        &file,
        "export const f = (): number => 1;\nlet a: number = ;\n",
    )?;
    let file = file.display().to_string();
    let finished = run(command(&world.parts.lazaret(), ["run", &file]))?;
    finished.failed(
        ExitCode::Exception,
        &["SyntaxError", "one.ts:2:17: ", "let a: number = ;"],
    )
}
