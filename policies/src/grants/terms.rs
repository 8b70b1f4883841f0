use std::borrow::Cow;

use super::kinds::{MessageTerms, Program, Write};
use crate::network::{Endpoint, TlsEnd};
use crate::permission::Permission;
use crate::units::ByteSize;

/// What a grant says beyond its permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Terms<'policy> {
    /// Nothing; of a program, that it may be run if somebody says where it lies.
    Plain,
    /// Where and how the network is reached.
    Endpoint(Cow<'policy, Endpoint>),
    /// Most bytes written.
    Write(ByteSize),
    /// Where a program lies, and what it may take.
    Program(Cow<'policy, Program>),
    /// Which messages.
    Send(Cow<'policy, MessageTerms>),
    /// Whatever a policy grants of the kind; only a request says so.
    Any,
}

impl Terms<'static> {
    /// The terms of a permission that stands alone.
    pub(crate) fn of(permission: &Permission) -> Self {
        match permission {
            Permission::NetworkRead(_) | Permission::NetworkConnect(..) => Endpoint::of(permission)
                .map_or(Self::Plain, |endpoint| Self::Endpoint(Cow::Owned(endpoint))),
            Permission::FileWrite(_) => Self::Write(Write::USUAL_SIZE),
            Permission::MessageSend(_) => Self::Send(Cow::Owned(MessageTerms::usual())),
            Permission::FileRead(_)
            | Permission::ExecRun(_)
            | Permission::EnvRead(_)
            | Permission::Window(..) => Self::Plain,
        }
    }

    /// The terms of a permission that a plugin asks for: as much of it as is granted.
    pub(crate) fn asked(permission: &Permission) -> Self {
        match Self::of(permission) {
            Self::Endpoint(endpoint) => {
                let mut endpoint = endpoint.into_owned();
                endpoint.addresses = crate::word::Words::every();
                Self::Endpoint(Cow::Owned(endpoint))
            }
            Self::Plain if !matches!(permission, Permission::ExecRun(_)) => Self::Plain,
            _ => Self::Any,
        }
    }
}

impl Terms<'_> {
    /// Whether these allow all that others for a permission of the same kind allow.
    pub(crate) fn cover(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (Self::Plain | Self::Program(_), Self::Plain) => true,
            (Self::Endpoint(mine), Self::Endpoint(theirs)) => mine.covers(theirs),
            (Self::Write(mine), Self::Write(theirs)) => mine >= theirs,
            (Self::Program(mine), Self::Program(theirs)) => {
                same_place(mine, theirs) && mine.limits.least(&theirs.limits) == theirs.limits
            }
            (Self::Send(mine), Self::Send(theirs)) => {
                mine.types.cover(&theirs.types)
                    && mine.rate >= theirs.rate
                    && mine.size >= theirs.size
            }
            _ => false,
        }
    }

    /// What both allow, if anything.
    pub(crate) fn narrowed(&self, other: &Self) -> Option<Terms<'static>> {
        Some(match (self, other) {
            (Self::Any, only) | (only, Self::Any) => only.clone().owned(),
            (Self::Plain | Self::Program(_), Self::Plain) | (Self::Plain, Self::Program(_)) => {
                Terms::Plain
            }
            (Self::Endpoint(mine), Self::Endpoint(theirs)) => {
                Terms::Endpoint(Cow::Owned(mine.narrowed(theirs)?))
            }
            (Self::Write(mine), Self::Write(theirs)) => Terms::Write(*mine.min(theirs)),
            (Self::Program(mine), Self::Program(theirs)) if same_place(mine, theirs) => {
                let limits = mine.limits.least(&theirs.limits);
                let program = mine.clone().into_owned();
                Terms::Program(Cow::Owned(Program { limits, ..program }))
            }
            (Self::Send(mine), Self::Send(theirs)) => Terms::Send(Cow::Owned(MessageTerms {
                types: mine.types.narrowed(&theirs.types)?,
                rate: mine.rate.min(theirs.rate),
                size: mine.size.min(theirs.size),
            })),
            _ => return None,
        })
    }

    /// The endpoint, where the broker ends its TLS.
    pub(crate) fn ended(&self) -> Option<&Endpoint> {
        match self {
            Self::Endpoint(endpoint) => Some(&**endpoint).filter(|one| one.tls == TlsEnd::Broker),
            _ => None,
        }
    }

    /// Whether both say the same.
    pub(crate) fn are(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Program(mine), Self::Program(theirs)) => {
                same_place(mine, theirs) && mine.limits == theirs.limits
            }
            _ => self == other,
        }
    }

    pub(crate) fn owned(self) -> Terms<'static> {
        match self {
            Self::Plain => Terms::Plain,
            Self::Endpoint(endpoint) => Terms::Endpoint(Cow::Owned(endpoint.into_owned())),
            Self::Write(size) => Terms::Write(size),
            Self::Program(program) => Terms::Program(Cow::Owned(program.into_owned())),
            Self::Send(terms) => Terms::Send(Cow::Owned(terms.into_owned())),
            Self::Any => Terms::Any,
        }
    }

    /// In words, after `granted`; empty where the permission says it all.
    pub(crate) fn value(&self, permission: &Permission) -> String {
        if self.are(&Terms::of(permission)) {
            return String::new();
        }
        match self {
            Self::Plain | Self::Any => String::new(),
            Self::Endpoint(endpoint) => format!(" for {}", endpoint.spoken()),
            Self::Write(size) => format!(" up to {size}"),
            Self::Program(program) => format!(
                " as {} of {} with {}",
                program.path, program.rootfs, program.limits
            ),
            Self::Send(terms) => format!(" for {terms}"),
        }
    }
}

fn same_place(one: &Program, other: &Program) -> bool {
    one.rootfs == other.rootfs && one.path == other.path
}
