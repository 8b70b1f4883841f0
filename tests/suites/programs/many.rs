//! Many programs: at once, and one after the other.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{bail, ensure};
use lazaret::programs::{MAX_OF_A_PLUGIN, ProgramEnd, ProgramError, Programs};
use lazaret_tests::case::Case;
use lazaret_tests::processes::{descendants, namespaces};
use lazaret_tests::world::{World, together};

use super::Shelf;
use crate::cycles;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::asynchronous(
            "programs: so many of a plugin run at a time, and all come to their end",
            at_once,
        ),
        Case::new(
            "programs: a thousand one after the other leave nothing",
            |world| world.block_on_within(cycles::DEADLINE, thousand(world)),
        ),
    ]
}

async fn thousand(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let program = shelf.busybox("time: 2s")?;
    cycles::hold(cycles::number()?, async |cycle| {
        let line = match cycle % 100 {
            // Ends of every kind among them.
            7 => "yes",
            57 => "exec /none",
            _ => "read x; echo $x",
        };
        let arguments = ["sh", "-c", line].map(str::to_owned).to_vec();
        let ran = shelf
            .programs
            .run(&program, arguments, cycle.to_string().into_bytes())
            .await;
        match (cycle % 100, ran) {
            (7, Err(ProgramError::TooMuchOutput { .. })) => Ok(()),
            (57, Ok(ran)) if ran.end == ProgramEnd::Code(127) => Ok(()),
            (_, Ok(ran)) if ran.stdout == format!("{cycle}\n").into_bytes() => Ok(()),
            (_, ran) => bail!("cycle {cycle}: {ran:?}"),
        }
    })
    .await
}

async fn at_once(world: &World) -> anyhow::Result<()> {
    let shelf = Shelf::new(world)?;
    let program = shelf.busybox("")?;
    let most = AtomicUsize::new(0);
    let over = AtomicUsize::new(0);
    let other = Programs::new(&shelf.host);
    let runs = (0..12).map(|number| {
        let (program, most, over) = (&program, &most, &over);
        let programs = if number % 3 == 0 {
            &other
        } else {
            &shelf.programs
        };
        async move {
            let line = format!("sleep 0.2; echo {number}");
            let ran = programs
                .run(program, vec!["sh".into(), "-c".into(), line], Vec::new())
                .await;
            let running = namespaces(&descendants());
            let running = running.iter().filter(|name| name.starts_with("pid:"));
            most.fetch_max(running.count(), Ordering::Relaxed);
            over.fetch_add(1, Ordering::Relaxed);
            ran
        }
    });
    for (number, ran) in together(runs).await.into_iter().enumerate() {
        let ran = ran?;
        assert_eq!(ran.stdout, format!("{number}\n").as_bytes());
        assert_eq!(ran.end, ProgramEnd::Code(0));
    }
    assert_eq!(over.into_inner(), 12);
    // Those of two plugins, and the host's.
    ensure!(most.into_inner() <= 2 * MAX_OF_A_PLUGIN + 1);
    Ok(())
}
