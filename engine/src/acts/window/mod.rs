//! Windows of the display that a policy names: the engine speaks to it, one short connection for each
//! act, and the plugin never has its socket or its key.
//!
//! Whoever draws on that display is believed no more than a plugin: answers are bounded in bytes and
//! time, and titles and classes are what programs say of themselves.

mod authority;
mod connection;
mod manager;
mod pace;

use std::path::PathBuf;
use std::time::Duration;

use lazaret_policy::{EffectivePolicy, Mode, Permission, WindowAct as Kind, WindowClass};
use lazaret_protocol::{ActError, ActResult, Failure, Window, WindowAct};

use self::connection::{Display, DisplayError};
use self::manager::Screen;
pub(super) use self::pace::Pace;
use super::{Outcome, Used, failed};

/// The most windows that are told.
const MAX_WINDOWS: usize = 256;

/// How long one act may take on the display.
const PATIENCE: Duration = Duration::from_secs(5);

/// What acts on windows are held to.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// The socket of the display, where there is one.
    socket: Option<PathBuf>,
    number: u16,
    authority: Option<PathBuf>,
    /// What may be done to windows of which class; without one, to all. With the mode where it is only observed.
    grants: Vec<(Kind, Option<WindowClass>, Option<Mode>)>,
    patience: Duration,
}

impl Rules {
    /// Those of a policy.
    pub(super) fn of(policy: &EffectivePolicy) -> Self {
        let at = policy.window().at;
        let number = at.display.value.number();
        let path = at.authority.value.path();
        Self {
            socket: number.map(|number| format!("/tmp/.X11-unix/X{number}").into()),
            number: number.unwrap_or_default(),
            authority: path.map(|path| path.as_str().into()),
            grants: allowed(policy)
                .filter_map(|(permission, mode)| match permission {
                    Permission::Window(kind, class) => Some((kind, class, mode)),
                    _ => None,
                })
                .collect(),
            patience: PATIENCE,
        }
    }

    /// By which permission something may be done to windows that say they are of a class: one that is granted, and
    /// the narrowest of those.
    fn allow(&self, kind: Kind, class: &str) -> Option<(Permission, Option<Mode>)> {
        let covers = |of: &Option<WindowClass>| of.as_ref().is_none_or(|of| of.as_str() == class);
        let covering = (self.grants.iter()).filter(|(one, of, _)| *one == kind && covers(of));
        let best = covering.min_by_key(|(_, of, mode)| (mode.is_some(), of.is_none()));
        best.map(|(_, of, mode)| (Permission::Window(kind, of.clone()), *mode))
    }

    /// Every permission to do something, whatever the windows.
    fn all(&self, kind: Kind) -> Used {
        let all = self.grants.iter().filter(|(one, ..)| *one == kind);
        all.map(|(_, of, mode)| (Permission::Window(kind, of.clone()), *mode))
            .collect()
    }
}

/// Whether a plugin may do anything with windows.
pub(crate) fn sees(policy: &EffectivePolicy) -> bool {
    policy.window().at.display.value.number().is_some() && allowed(policy).next().is_some()
}

/// Every permission about windows that holds, with its mode where it is only observed.
fn allowed(policy: &EffectivePolicy) -> impl Iterator<Item = (Permission, Option<Mode>)> {
    let mode = policy.window().mode.value;
    let observed = policy
        .observe()
        .iter()
        .filter(move |_| mode != Mode::Enforce);
    let granted = policy.all_grants().map(|granted| (granted, None));
    granted
        .chain(observed.map(move |granted| (granted, Some(mode))))
        .filter(|(granted, _)| matches!(granted.permission, Permission::Window(..)))
        .map(|(granted, mode)| (granted.permission.clone(), mode))
}

/// Whether an act may be done to some windows at least. Which window it is about, and so by which permission, is known
/// when the display was asked.
pub(super) fn may(act: &WindowAct, policy: &EffectivePolicy) -> bool {
    let kind = kind(act);
    allowed(policy)
        .any(|(permission, _)| matches!(permission, Permission::Window(one, _) if one == kind))
}

/// What a plugin lacks that may not do it to any window.
pub(super) fn lacks(act: &WindowAct) -> String {
    Permission::Window(kind(act), None).to_string()
}

fn kind(act: &WindowAct) -> Kind {
    match act {
        WindowAct::List => Kind::List,
        WindowAct::Focus { .. } => Kind::Focus,
        WindowAct::Move { .. } => Kind::Move,
        WindowAct::Close { .. } => Kind::Close,
    }
}

/// Does an act on the display, and tells by which permissions. Blocks, for a bounded time.
pub(super) fn perform(act: &WindowAct, rules: &Rules) -> (Outcome, Used) {
    let mut used = Used::new();
    (on_display(act, rules, &mut used), used)
}

fn on_display(act: &WindowAct, rules: &Rules, used: &mut Used) -> Outcome {
    let Some(socket) = &rules.socket else {
        let message = "the policy grants windows and names no display";
        return Err(failed(Failure::NotFound, message));
    };
    let key = authority::key(rules.authority.as_deref(), rules.number).map_err(|error| {
        let message = format!("the display's key, which the policy names, is not used: {error}");
        failed(Failure::Other, message)
    })?;
    let display = Display::connect(socket, key, rules.patience).map_err(told)?;
    let mut screen = Screen::of(display).map_err(told)?;
    match *act {
        WindowAct::List => list(&mut screen, rules, used).map_err(told),
        WindowAct::Focus { id } => {
            judge(&mut screen, rules, Kind::Focus, id, used)?;
            done(screen.focus(id), "cannot take what is typed")
        }
        WindowAct::Move {
            id,
            x,
            y,
            width,
            height,
        } => {
            judge(&mut screen, rules, Kind::Move, id, used)?;
            done(screen.place(id, (x, y), (width, height)), "cannot be moved")
        }
        WindowAct::Close { id } => {
            judge(&mut screen, rules, Kind::Close, id, used)?;
            done(screen.close(id), "takes no request to close")
        }
    }
}

fn list(screen: &mut Screen, rules: &Rules, used: &mut Used) -> Result<ActResult, DisplayError> {
    let focused = screen.focused()?;
    let mut windows = Vec::new();
    // From the top: where there are more than are told, those that lie deepest are not.
    for id in screen.candidates()?.into_iter().rev() {
        if !screen.is_shown(id)? {
            continue;
        }
        let Some(class) = screen.class(id)? else {
            continue;
        };
        let Some(covering) = rules.allow(Kind::List, &class) else {
            continue;
        };
        // One that is gone by now is none.
        let Some((x, y, width, height)) = screen.shape(id)? else {
            continue;
        };
        if !used.contains(&covering) {
            used.push(covering);
        }
        windows.push(Window {
            id,
            title: screen.title(id)?,
            class,
            x,
            y,
            width,
            height,
            focused: id == focused,
        });
        if windows.len() == MAX_WINDOWS {
            break;
        }
    }
    windows.reverse();
    // It looked all the same: without any it would have been refused.
    if used.is_empty() {
        *used = rules.all(Kind::List);
    }
    Ok(ActResult::Windows(windows))
}

/// Holds a number that a plugin says to the windows it may see, and the act to the window's class. By which permissions
/// it is seen and the act may be done, is told.
fn judge(
    screen: &mut Screen,
    rules: &Rules,
    kind: Kind,
    id: u32,
    used: &mut Used,
) -> Result<(), ActError> {
    let class = class_of(screen, id).map_err(told)?;
    let seen = class.and_then(|class| Some((rules.allow(Kind::List, &class)?, class)));
    let Some((seen, class)) = seen else {
        let message = format!("there is no window {id} that the policy lets be seen");
        return Err(failed(Failure::NotFound, message));
    };
    used.push(seen);
    if let Some(covering) = rules.allow(kind, &class) {
        used.push(covering);
        return Ok(());
    }
    // A class that no permission can name takes one for all.
    let permission = Permission::Window(kind, class.parse().ok()).to_string();
    Err(ActError::Denied { permission })
}

/// What a window says it is; `None` where there is none of that number to be seen.
fn class_of(screen: &mut Screen, id: u32) -> Result<Option<String>, DisplayError> {
    match screen.candidates()?.contains(&id) && screen.is_shown(id)? {
        true => screen.class(id),
        false => Ok(None),
    }
}

fn done(outcome: Result<bool, DisplayError>, otherwise: &str) -> Outcome {
    match outcome {
        Ok(true) => Ok(ActResult::Done),
        Ok(false) => Err(failed(Failure::Other, format!("the window {otherwise}"))),
        Err(error) => Err(told(error)),
    }
}

fn told(error: DisplayError) -> ActError {
    let failure = match error {
        DisplayError::TooSlow => Failure::TimedOut,
        DisplayError::Busy => Failure::Busy,
        _ => Failure::Other,
    };
    // Where on the host it is, is no business of the plugin's.
    failed(failure, error.to_string())
}

#[cfg(test)]
mod tests;
