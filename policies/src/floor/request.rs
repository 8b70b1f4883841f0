use super::cuts::{Cut, CutBy, Cuts};
use crate::effective::EffectivePolicy;
use crate::grants::{Allowance, Index};
use crate::origin::Granted;

impl EffectivePolicy {
    /// Takes away what the plugin itself does not ask for, and tells what that was: the last layer. What it asks for
    /// beyond what is granted it does not get; see [`Self::unmet`].
    #[must_use]
    pub fn requested(mut self, request: &[Granted]) -> (Self, Vec<Cut>) {
        let mut cuts = Cuts::by(CutBy::Request);
        let asked: Vec<Allowance<'_>> = request.iter().map(Allowance::asked).collect();
        self.keep_grants(&asked, None, &mut cuts);
        self.keep_observed(&asked, None, &mut cuts);
        (self, cuts.told())
    }

    /// What a plugin asks for and does not get, not even in part.
    #[must_use]
    pub fn unmet<'request>(&self, request: &'request [Granted]) -> Vec<&'request Granted> {
        let given = self.lists.allowances();
        let given = Index::of(&given);
        let met = |granted: &Granted| {
            let asked = Allowance::asked(granted);
            let near = given.near(&asked);
            near.iter().any(|one| asked.narrowed(one).is_some())
        };
        request.iter().filter(|granted| !met(granted)).collect()
    }
}
