use super::cuts::Cuts;
use crate::effective::EffectivePolicy;
use crate::policy::SecurityPolicy;

impl EffectivePolicy {
    /// Secrets and whom messages come from are those of both; a variable has the value the floor gives it.
    pub(super) fn hold_lists(&mut self, floor: &SecurityPolicy, cuts: &mut Cuts) {
        for mine in &mut self.lists.set {
            let given = floor.lists.set.iter().find(|one| one.name == mine.name);
            if let Some(given) = given.filter(|given| given.value != mine.value) {
                let was = (mine.value.clone(), mine.origin.to_string());
                let held = (given.value.clone(), given.origin.to_string());
                cuts.cut(&format!("env.set.{}", mine.name), was, held);
                *mine = given.clone();
            }
        }
        if !floor.states_grants {
            return;
        }
        for mine in std::mem::take(&mut self.lists.secrets) {
            let what = format!("secrets.{}", mine.name);
            let mut given = floor.lists.secrets.iter();
            let given = given.find(|one| one.name == mine.name);
            if given.is_some_and(|given| given.covers(&mine)) {
                self.lists.secrets.push(mine);
                continue;
            }
            let was = (mine.value(), mine.origin.to_string());
            match given.and_then(|given| mine.narrowed(given)) {
                Some(held) => {
                    cuts.cut(&what, was, (held.value(), held.origin.to_string()));
                    self.lists.secrets.push(held);
                }
                None => cuts.gone(&what, was),
            }
        }
        for mut mine in std::mem::take(&mut self.lists.receive) {
            let what = format!("messaging.receive.{}", mine.plugin);
            let mut given = floor.lists.receive.iter();
            let given = given.find(|one| one.plugin == mine.plugin);
            if given.is_some_and(|given| given.types.cover(&mine.types)) {
                self.lists.receive.push(mine);
                continue;
            }
            let was = (mine.types.to_string(), mine.origin.to_string());
            let types = given.and_then(|given| Some((given, mine.types.narrowed(&given.types)?)));
            match types {
                Some((given, types)) => {
                    cuts.cut(&what, was, (types.to_string(), given.origin.to_string()));
                    mine.types = types;
                    mine.origin = given.origin.clone();
                    self.lists.receive.push(mine);
                }
                None => cuts.gone(&what, was),
            }
        }
    }
}
