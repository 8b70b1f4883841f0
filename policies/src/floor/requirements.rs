use super::cuts::Cuts;
use crate::effective::EffectivePolicy;
use crate::origin::Setting;
use crate::requirements::{Requirement, Requirements};

impl EffectivePolicy {
    /// What the floor requires nobody does without, be it as a key or with its whole section.
    pub(super) fn hold_requirements(&mut self, floor: &Requirements, cuts: &mut Cuts) {
        let stated: Vec<_> = self.requirements.iter().map(|(key, _)| key).collect();
        for key in stated {
            let required = floor.stated(key);
            if let Some(mine) = self.requirements.get_mut(key) {
                cuts.cap(
                    &format!("requirements.{key}"),
                    mine,
                    required,
                    |mine, floor| {
                        *mine == Requirement::BestEffort && *floor == Requirement::Required
                    },
                );
            }
        }
        for (key, required) in floor.iter() {
            let required_here = required.value == Requirement::Required;
            if required_here && self.requirements.of(key) == Requirement::BestEffort {
                let origin = self
                    .requirements
                    .stated(key)
                    .map(|mine| mine.origin.to_string());
                let was = (
                    Requirement::BestEffort.to_string(),
                    origin.unwrap_or_default(),
                );
                let held = (required.value.to_string(), required.origin.to_string());
                cuts.cut(&format!("requirements.{key}"), was, held);
                let Setting { value, origin } = required.clone();
                self.requirements.set(key, Setting { value, origin });
            }
        }
    }
}
