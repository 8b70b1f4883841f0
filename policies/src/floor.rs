use std::fmt;

use serde::Serialize;

use crate::allowance::Allowance;
use crate::effective::EffectivePolicy;
use crate::extends::laid_over;
use crate::network::AllowedEndpoint;
use crate::origin::{Granted, Setting};
use crate::policy::SecurityPolicy;
use crate::preset;
use crate::requirements::Requirement;
use crate::runtime::EngineChoice;
use crate::violations::{Handling, HandlingOverrides};

/// Something a policy asked for and the operator's floor does not give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// The path of a key, as `resources.memory.max`, or a permission.
    pub what: String,
    /// What was asked for; `granted` for a permission.
    pub asked: String,
    /// Where.
    pub asked_by: String,
    /// What holds instead; `nothing` for a permission.
    pub held: String,
    /// The lines of the floor that say so.
    pub held_by: String,
}

impl fmt::Display for Cut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            asked,
            asked_by,
            held,
            held_by,
        } = self;
        write!(
            out,
            "{what}: {asked} ({asked_by}) cut to {held} ({held_by})"
        )
    }
}

impl EffectivePolicy {
    /// Takes away whatever is more than an operator's floor allows, and tells what that was.
    ///
    /// A limit the floor names is the most there may be; a reaction it names is the mildest; a level it names brings all
    /// limits of that level with it. Where it has a section `permissions` or `network`, an act must be granted by both.
    /// What it does not name it does not hold.
    #[must_use]
    pub fn within(mut self, floor: &SecurityPolicy) -> (Self, Vec<Cut>) {
        let mut cuts = Cuts(Vec::new());
        let stated = floor;
        let whole;
        let floor = match stated.stated_level() {
            None => stated,
            Some(level) => {
                // A later level is stricter.
                cuts.cap("level", &mut self.level, Some(level), |mine, floor| {
                    mine < floor
                });
                whole = laid_over(preset::policy(level.value), stated.clone());
                &whole
            }
        };
        let limits = floor.resources();
        let more = |path: &str| format!("resources.{path}");
        let resources = &mut self.resources;
        macro_rules! most {
            ($path:literal, $mine:expr, $floor:ident) => {
                cuts.cap(
                    &more($path),
                    $mine,
                    limits.$floor.as_ref(),
                    |mine, floor| mine > floor,
                )
            };
        }
        most!("memory.max", &mut resources.memory.max, memory_max);
        most!("cpu.max", &mut resources.cpu.max, cpu_max);
        most!("cpu.weight", &mut resources.cpu.weight, cpu_weight);
        most!("pids.max", &mut resources.pids.max, pids_max);
        most!("files.open", &mut resources.files.open, files_open);
        most!("tmp.size", &mut resources.tmp.size, tmp_size);
        most!("output.log", &mut resources.output.log, output_log);
        most!("output.line", &mut resources.output.line, output_line);
        most!("output.result", &mut resources.output.result, output_result);
        most!("time.startup", &mut resources.time.startup, time_startup);
        most!("time.call", &mut resources.time.call, time_call);
        most!(
            "time.cpu_per_call",
            &mut resources.time.cpu_per_call,
            time_cpu_per_call
        );
        match (&mut resources.memory.high, &limits.memory_high) {
            (None, Some(floor)) => resources.memory.high = Some(floor.clone()),
            (Some(mine), floor) => {
                cuts.cap(&more("memory.high"), mine, floor.as_ref(), |mine, floor| {
                    mine > floor
                });
            }
            (None, None) => {}
        }
        // A ceiling that came down takes the mark below it along.
        if let Some(high) = &mut resources.memory.high
            && high.value > resources.memory.max.value
        {
            *high = resources.memory.max.clone();
        }
        cuts.cap(
            "runtime.engine",
            &mut self.engine,
            stated.engine(),
            |mine, floor| *floor == EngineChoice::QuickJs && *mine != EngineChoice::QuickJs,
        );
        for (key, required) in floor.requirements().iter() {
            if let Some(mine) = self.requirements.get_mut(key) {
                let path = format!("requirements.{key}");
                cuts.cap(&path, mine, Some(required), |mine, floor| {
                    *mine == Requirement::BestEffort && *floor == Requirement::Required
                });
            }
        }
        let violations = &mut self.violations;
        let over = floor.violations();
        cuts.handling("syscall", &mut violations.syscall, &over.syscall);
        cuts.handling("permission", &mut violations.permission, &over.permission);
        cuts.handling("network", &mut violations.network, &over.network);
        cuts.handling("memory", &mut violations.memory, &over.memory);
        cuts.handling("pids", &mut violations.pids, &over.pids);
        cuts.handling("cpu", &mut violations.cpu, &over.cpu);
        if stated.states_grants {
            let given = Allowance::all(&stated.permissions, &stated.endpoints);
            self.permissions = cuts.grants(self.permissions, &given);
            self.endpoints = cuts.endpoints(self.endpoints, &given);
        }
        (self, cuts.0)
    }
}

struct Cuts(Vec<Cut>);

impl Cuts {
    /// Puts the floor's value in the place of one that is beyond it.
    fn cap<T: Clone + ToString>(
        &mut self,
        path: &str,
        mine: &mut Setting<T>,
        floor: Option<&Setting<T>>,
        beyond: impl Fn(&T, &T) -> bool,
    ) {
        let Some(floor) = floor.filter(|floor| beyond(&mine.value, &floor.value)) else {
            return;
        };
        self.0.push(Cut {
            what: path.to_owned(),
            asked: mine.value.to_string(),
            asked_by: mine.origin.to_string(),
            held: floor.value.to_string(),
            held_by: floor.origin.to_string(),
        });
        *mine = floor.clone();
    }

    fn handling<R: Clone + Ord + ToString>(
        &mut self,
        kind: &str,
        mine: &mut Handling<R>,
        floor: &HandlingOverrides<R>,
    ) {
        let path = format!("violations.{kind}.severity");
        let floor_severity = floor.severity.as_ref();
        self.cap(&path, &mut mine.severity, floor_severity, |mine, floor| {
            mine < floor
        });
        let path = format!("violations.{kind}.reaction");
        let floor_reaction = floor.reaction.as_ref();
        self.cap(&path, &mut mine.reaction, floor_reaction, |mine, floor| {
            mine < floor
        });
    }

    /// What both grant: of two where one covers the other, the narrower.
    fn grants(&mut self, mine: Vec<Granted>, floor: &[Allowance<'_>]) -> Vec<Granted> {
        let mut kept: Vec<Granted> = Vec::new();
        for granted in mine {
            let asked = Allowance::of_permission(&granted);
            if floor.iter().any(|given| given.covers(&asked)) {
                kept.push(granted);
                continue;
            }
            // An endpoint that is narrower by what is spoken cannot be said as a permission.
            let narrower = floor.iter().filter(|given| {
                asked.covers(given) && Allowance::of_permission(given.granted) == **given
            });
            let held: Vec<Granted> = narrower.map(|given| given.granted.clone()).collect();
            self.cut_grant(&asked, &held);
            kept.extend(held);
        }
        kept
    }

    /// An endpoint is one host, port and protocol: kept or not.
    fn endpoints(
        &mut self,
        mine: Vec<AllowedEndpoint>,
        floor: &[Allowance<'_>],
    ) -> Vec<AllowedEndpoint> {
        let given = |endpoint: &AllowedEndpoint| {
            let asked = Allowance::of_endpoint(endpoint);
            floor.iter().any(|given| given.covers(&asked))
        };
        let (kept, gone): (Vec<_>, Vec<_>) = mine.into_iter().partition(given);
        for endpoint in &gone {
            self.cut_grant(&Allowance::of_endpoint(endpoint), &[]);
        }
        kept
    }

    fn cut_grant(&mut self, asked: &Allowance<'_>, held: &[Granted]) {
        let granted = asked.granted;
        let list = |tell: fn(&Granted) -> String| {
            let words: Vec<String> = held.iter().map(tell).collect();
            words.join(", ")
        };
        self.0.push(Cut {
            what: granted.permission.to_string(),
            asked: asked.value(),
            asked_by: granted.origin.to_string(),
            held: match held {
                [] => "nothing".to_owned(),
                _ => list(|granted| granted.permission.to_string()),
            },
            held_by: match held {
                [] => "no line of the floor".to_owned(),
                _ => list(|granted| granted.origin.to_string()),
            },
        });
    }
}
