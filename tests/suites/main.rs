//! The container tests: `cargo test -p lazaret-tests [-- PART OF A NAME...]`, as root.

mod acts;
mod attacks;
mod bundle;
mod calls;
mod cancel;
mod create;
mod cycles;
mod egress;
mod ends;
mod filtered;
mod flood;
mod forbidden;
mod hostile;
mod input;
mod inside;
mod kill;
mod landlock;
mod leaks;
mod learn;
mod live;
mod machine;
mod maximum;
mod modules;
mod neighbour;
mod oversized;
mod programs;
mod project;
mod protocol;
mod signals;
mod starters;
mod state;
mod story;
mod unread;
mod violations;

use std::process::ExitCode;

use lazaret_tests::case::{Case, Skip};
use lazaret_tests::setup::Js;

fn main() -> anyhow::Result<ExitCode> {
    lazaret_tests::run::main(cases)
}

/// Every case there is, given which engines there are.
fn cases(has: &dyn Fn(Js) -> bool) -> Vec<Case> {
    let mut cases = leaks::cases();
    cases.extend(machine::cases());
    cases.extend(ends::probe_cases());
    cases.extend(forbidden::cases());
    cases.extend(filtered::cases());
    cases.extend(inside::cases());
    cases.extend(landlock::probe_cases());
    cases.extend(learn::probe_cases());
    cases.extend(violations::cases());
    cases.extend(protocol::cases());
    cases.extend(oversized::cases());
    cases.extend(flood::cases());
    cases.extend(neighbour::probe_cases());
    cases.extend(cycles::cases());
    cases.extend(input::cases());
    cases.extend(bundle::cases());
    cases.extend(create::cases());
    cases.extend(kill::cases());
    cases.extend(signals::cases());
    cases.extend(unread::cases());
    cases.extend(attacks::cases());
    cases.extend(acts::probe_cases());
    cases.extend(egress::cases());
    cases.extend(live::cases());
    cases.extend(state::cases());
    cases.extend(programs::cases());
    cases.extend(project::cases());
    cases.extend(calls::commands());
    cases.extend(modules::cases());
    for js in Js::ALL {
        // Without QuickJS there is nothing to test at all, which is an error of its own.
        if js == Js::QuickJs || has(js) {
            cases.extend(story::cases(js));
            cases.extend(acts::cases(js));
            cases.extend(ends::cases(js));
            cases.extend(hostile::cases(js));
            cases.extend(attacks::javascript_cases(js));
            cases.extend(cancel::cases(js));
            cases.extend(egress::javascript_cases(js));
            cases.extend(calls::cases(js));
            cases.extend(live::javascript_cases(js));
            cases.extend(landlock::cases(js));
            cases.extend(learn::cases(js));
            cases.extend(maximum::cases(js));
            cases.extend(modules::javascript_cases(js));
            cases.extend(neighbour::cases(js));
            cases.extend(programs::javascript_cases(js));
            cases.extend(starters::cases(js));
        } else {
            cases.push(Case::new(
                format!("all JavaScript suites [{js}]"),
                move |_| {
                    Err(Skip(format!(
                        "no `target/release/rootfs/{js}`; run `make build-{js}`"
                    ))
                    .into())
                },
            ));
        }
    }
    cases
}
