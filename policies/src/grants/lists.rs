use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::Hash;

use super::allowance::{Allowance, How};
use super::kinds::{EnvValue, Program, Receive, Send, Write};
use super::secret::Secret;
use super::terms::Terms;
use crate::network::AllowedEndpoint;
use crate::origin::Granted;
use crate::permission::Permission;
use crate::settings::Modes;

/// Everything a policy lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lists {
    /// `permissions`, and what is cut down to a permission.
    pub(crate) permissions: Vec<Granted>,
    /// `network.endpoints`
    pub(crate) endpoints: Vec<AllowedEndpoint>,
    /// `filesystem.read`
    pub(crate) read: Vec<Granted>,
    /// `filesystem.write`
    pub(crate) write: Vec<Write>,
    /// `exec.programs`
    pub(crate) programs: Vec<Program>,
    /// `env.read`
    pub(crate) env: Vec<Granted>,
    /// `messaging.send`
    pub(crate) send: Vec<Send>,
    /// `messaging.receive`
    pub(crate) receive: Vec<Receive>,
    /// `observe`
    pub(crate) observe: Vec<Granted>,
    /// `secrets`
    pub(crate) secrets: Vec<Secret>,
    /// `env.set`
    pub(crate) set: Vec<EnvValue>,
}

impl Lists {
    /// Puts the entries of `over` in the place of those that are about the same, the others on top.
    pub(crate) fn override_by(&mut self, over: &Self) {
        let permission = |granted: &Granted| granted.permission.clone();
        lay(&mut self.permissions, &over.permissions, permission);
        lay(&mut self.endpoints, &over.endpoints, |one| {
            one.granted.permission.clone()
        });
        lay(&mut self.read, &over.read, permission);
        lay(&mut self.write, &over.write, |one| {
            one.granted.permission.clone()
        });
        lay(&mut self.programs, &over.programs, |one| {
            one.granted.permission.clone()
        });
        lay(&mut self.env, &over.env, permission);
        lay(&mut self.send, &over.send, |one| {
            one.granted.permission.clone()
        });
        lay(&mut self.receive, &over.receive, |one| one.plugin.clone());
        lay(&mut self.observe, &over.observe, permission);
        lay(&mut self.secrets, &over.secrets, |one| one.name.clone());
        lay(&mut self.set, &over.set, |one| one.name.clone());
    }

    /// Every grant, in the order of the language's description.
    pub(crate) fn allowances(&self) -> Vec<Allowance<'_>> {
        let mut all: Vec<_> = self.permissions.iter().map(Allowance::plain).collect();
        let mut list = |granted, terms| all.push(Allowance::listed(granted, terms));
        for one in &self.endpoints {
            list(&one.granted, Terms::Endpoint(Cow::Borrowed(&one.endpoint)));
        }
        for one in &self.read {
            list(one, Terms::Plain);
        }
        for one in &self.write {
            list(&one.granted, Terms::Write(one.size));
        }
        for one in &self.programs {
            list(&one.granted, Terms::Program(Cow::Borrowed(one)));
        }
        for one in &self.env {
            list(one, Terms::Plain);
        }
        for one in &self.send {
            list(&one.granted, Terms::Send(Cow::Borrowed(&one.terms)));
        }
        all
    }

    /// The permission of every grant, in the same order.
    pub(crate) fn granted(&self) -> impl Iterator<Item = &Granted> {
        let endpoints = self.endpoints.iter().map(|one| &one.granted);
        let write = self.write.iter().map(|one| &one.granted);
        let programs = self.programs.iter().map(|one| &one.granted);
        let send = self.send.iter().map(|one| &one.granted);
        let plain = self.permissions.iter().chain(endpoints).chain(&self.read);
        plain
            .chain(write)
            .chain(programs)
            .chain(&self.env)
            .chain(send)
    }

    /// Every entry of `observe`, in the mode of its section.
    pub(crate) fn observed(&self, modes: &Modes) -> impl Iterator<Item = Allowance<'_>> {
        self.observe.iter().map(move |granted| Allowance {
            how: How::Observed(modes.of(&granted.permission)),
            ..Allowance::plain(granted)
        })
    }

    /// What is listed beside the grants.
    pub(crate) fn without_grants(&self) -> Self {
        Self {
            receive: self.receive.clone(),
            observe: self.observe.clone(),
            secrets: self.secrets.clone(),
            set: self.set.clone(),
            ..Self::default()
        }
    }

    /// Puts a grant into the list of its section, or under `permissions` where that says it all.
    pub(crate) fn give(&mut self, granted: Granted, terms: Terms<'_>, listed: bool) {
        let plain = terms.are(&Terms::of(&granted.permission));
        match terms {
            _ if plain && !listed => self.permissions.push(granted),
            Terms::Endpoint(endpoint) => self.endpoints.push(AllowedEndpoint {
                endpoint: endpoint.into_owned(),
                granted,
            }),
            Terms::Write(size) => self.write.push(Write { granted, size }),
            Terms::Program(program) => {
                let program = program.into_owned();
                self.programs.push(Program { granted, ..program });
            }
            Terms::Send(terms) => self.send.push(Send {
                granted,
                terms: terms.into_owned(),
            }),
            Terms::Plain | Terms::Any => match granted.permission {
                Permission::FileRead(_) => self.read.push(granted),
                Permission::EnvRead(_) => self.env.push(granted),
                _ => self.permissions.push(granted),
            },
        }
    }
}

fn lay<T: Clone, K: Hash + Eq>(below: &mut Vec<T>, over: &[T], about: impl Fn(&T) -> K) {
    let new: HashSet<K> = over.iter().map(&about).collect();
    below.retain(|old| !new.contains(&about(old)));
    below.extend_from_slice(over);
}
