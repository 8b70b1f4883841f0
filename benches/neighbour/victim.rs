//! The plugin beside the attacker: one call after the other, with a pause between them.

use std::cell::Cell;
use std::time::{Duration, Instant};

use lazaret_protocol::Payload;
use lazaret_tests::host::Session;
use lazaret_tests::resident::Idle;
use lazaret_tests::setup::{Js, Setup};
use lazaret_tests::storm::{Attacker, Storm};
use lazaret_tests::world::World;

use crate::figures::{Figures, Turn};

/// A quiet time and an attack, so often.
const TURNS: usize = 16;

/// How long each is.
const TURN: Duration = Duration::from_millis(200);

/// Between two calls.
const PAUSE: Duration = Duration::from_millis(1);

/// Calls before the first that counts.
const WARM_UP: usize = 100;

/// Measures one attack under an engine of its own.
pub(crate) fn measure(world: &World, js: Js, storm: &Storm) -> anyhow::Result<Figures> {
    world.block_on(async {
        let host = world.host()?;
        let source = "export const add = (one, other) => one + other;";
        let victim = host
            .launch(&Setup::javascript(js, "victim", source))
            .await?;
        let mut attacker = Attacker::new(&host, storm).await?;
        let mut calls = Calls::default();
        for _ in 0..WARM_UP {
            calls.one(&victim).await;
        }
        let mut turns = Vec::new();
        let idle = Idle::now()?;
        for _ in 0..TURNS {
            let mut turn = Turn::default();
            let end = Instant::now() + TURN;
            calls
                .until(&victim, &mut turn.quiet, || Instant::now() >= end)
                .await;
            let end = Instant::now() + TURN;
            let over = Cell::new(false);
            let attack = async {
                let struck = attacker.strike(|| Instant::now() >= end).await;
                over.set(true);
                struck
            };
            let (struck, ()) = tokio::join!(
                attack,
                calls.until(&victim, &mut turn.attacked, || over.get())
            );
            struck?;
            turns.push(turn);
        }
        let growth_bytes = idle.growth()?;
        let rounds = attacker.rounds;
        attacker.stop().await?;
        drop(victim.ended_or_stopped().await);
        Ok(Figures {
            name: storm.name.clone(),
            turns,
            lost: calls.lost,
            idle_bytes: idle.bytes,
            growth_bytes,
            rounds,
        })
    })
}

#[derive(Default)]
struct Calls {
    made: u64,
    lost: u64,
}

impl Calls {
    /// Makes calls until it is told that this is over.
    async fn until(
        &mut self,
        victim: &Session,
        times: &mut Vec<Duration>,
        over: impl Fn() -> bool,
    ) {
        while !over() {
            times.push(self.one(victim).await);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Makes one call and tells how long it took.
    async fn one(&mut self, victim: &Session) -> Duration {
        self.made += 1;
        let arguments = Payload::Json(format!("[{},1]", self.made));
        let start = Instant::now();
        let result = victim.try_call("add", arguments).await;
        let time = start.elapsed();
        if result != Ok(Payload::Json((self.made + 1).to_string())) {
            self.lost += 1;
        }
        time
    }
}
