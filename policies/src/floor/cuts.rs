use std::fmt;

use serde::Serialize;

use crate::grants::Allowance;
use crate::origin::{Granted, Setting};

/// Who takes something away from a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CutBy {
    /// An operator's floor.
    Floor,
    /// The plugin, which does not ask for it.
    Request,
}

impl fmt::Display for CutBy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Floor => "floor",
            Self::Request => "request",
        })
    }
}

/// Something a policy asked for and an operator's floor, or what the plugin asks for itself, does not give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// Who does not give it.
    pub layer: CutBy,
    /// The path of a key, as `resources.memory.max`, or a permission.
    pub what: String,
    /// What was asked for; `granted` for a permission.
    pub asked: String,
    /// Where.
    pub asked_by: String,
    /// What holds instead; `nothing` for a permission.
    pub held: String,
    /// The lines that say so.
    pub held_by: String,
}

impl fmt::Display for Cut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            layer: _,
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

/// What was cut so far, and by whom.
#[derive(Debug)]
pub(crate) struct Cuts {
    cuts: Vec<Cut>,
    layer: CutBy,
}

impl Default for Cuts {
    fn default() -> Self {
        Self::by(CutBy::Floor)
    }
}

impl Cuts {
    pub(super) fn by(layer: CutBy) -> Self {
        let cuts = Vec::new();
        Self { cuts, layer }
    }

    pub(super) fn told(self) -> Vec<Cut> {
        self.cuts
    }

    /// Puts what a rule leaves in the place of a value that is beyond the floor's.
    pub(crate) fn hold<T: Clone + ToString>(
        &mut self,
        path: &str,
        mine: &mut Setting<T>,
        floor: Option<&Setting<T>>,
        cut: impl Fn(&T, &T) -> Option<T>,
    ) {
        let Some(floor) = floor else { return };
        let Some(value) = cut(&mine.value, &floor.value) else {
            return;
        };
        let origin = floor.origin.clone();
        let held = Setting { value, origin };
        self.cut(path, (mine.value.to_string(), mine.origin.to_string()), {
            (held.value.to_string(), held.origin.to_string())
        });
        *mine = held;
    }

    /// Puts the floor's value in the place of one that is beyond it.
    pub(super) fn cap<T: Clone + ToString>(
        &mut self,
        path: &str,
        mine: &mut Setting<T>,
        floor: Option<&Setting<T>>,
        beyond: impl Fn(&T, &T) -> bool,
    ) {
        self.hold(path, mine, floor, |mine, floor| {
            beyond(mine, floor).then(|| floor.clone())
        });
    }

    /// Each of the two: what, and where.
    pub(super) fn cut(&mut self, what: &str, asked: (String, String), held: (String, String)) {
        self.cuts.push(Cut {
            layer: self.layer,
            what: what.to_owned(),
            asked: asked.0,
            asked_by: asked.1,
            held: held.0,
            held_by: held.1,
        });
    }

    /// The same where nothing holds instead.
    pub(super) fn gone(&mut self, what: &str, asked: (String, String)) {
        let nobody = match self.layer {
            CutBy::Floor => "no line of the floor",
            CutBy::Request => "the plugin does not ask for it",
        };
        let held = ("nothing".to_owned(), nobody.to_owned());
        self.cut(what, asked, held);
    }

    /// A grant, and what of it is left: each in words, with its origin.
    pub(super) fn grant(&mut self, asked: &Allowance<'_>, held: &[(String, Granted)]) {
        let granted = asked.granted;
        let was = (asked.value(), granted.origin.to_string());
        self.entry(&granted.permission.to_string(), was, held);
    }

    /// A file by a name that does not exist.
    pub(super) fn hidden<T>(&mut self, asked: &Allowance<'_>, ignored: &Setting<T>) {
        let by = format!("filesystem.ignore, {}", ignored.origin);
        self.nothing(asked, by);
    }

    /// A grant below a path whose bytes others have.
    pub(super) fn spent(&mut self, asked: &Allowance<'_>, given: &Allowance<'_>) {
        let Granted {
            permission, origin, ..
        } = given.granted;
        self.nothing(asked, format!("nothing is left of {permission}, {origin}"));
    }

    fn nothing(&mut self, asked: &Allowance<'_>, by: String) {
        let granted = asked.granted;
        let was = (asked.value(), granted.origin.to_string());
        self.cut(
            &granted.permission.to_string(),
            was,
            ("nothing".to_owned(), by),
        );
    }

    /// An entry of a list, and what of it is left.
    pub(super) fn entry(&mut self, what: &str, was: (String, String), held: &[(String, Granted)]) {
        if held.is_empty() {
            self.gone(what, was);
            return;
        }
        let values: Vec<&str> = held.iter().map(|(value, _)| value.as_str()).collect();
        let origins: Vec<String> = held.iter().map(|(_, one)| one.origin.to_string()).collect();
        self.cut(what, was, (values.join(", "), origins.join(", ")));
    }
}
