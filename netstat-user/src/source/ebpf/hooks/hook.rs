//! What a hook and a set of hooks are, and which hooks of a set a kernel needs.

use std::borrow::Cow;

/// One program of the eBPF object and the kernel's place that runs it.
#[derive(Debug, PartialEq, Eq)]
pub struct Hook {
    /// The program's name in the object: a constant of `wire::program`.
    pub program: &'static str,
    /// How it is attached.
    pub kind: Kind,
    /// The kernel's tracepoint, function or iterator.
    pub target: &'static str,
    /// When it is used.
    pub condition: Condition,
    /// The kernels on which it is used, in words for the README.
    pub kernels: &'static str,
    /// What it reports, in words for the README.
    pub reports: &'static str,
}

/// How a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To a tracepoint; the verifier knows the types of its arguments.
    TpBtf,
    /// To the entry of a function.
    Fentry,
    /// To the return of a function.
    Fexit,
    /// To the record of a tracepoint, which needs no BTF.
    Tracepoint,
    /// To nothing: it runs when user space requests it.
    OnRequest,
    /// To an iterator: it runs while the iterator's file is read.
    Iter,
}

/// When a hook of a set is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always. Without its target the set can't be attached, unless another hook takes its place.
    Always,
    /// Only where the kernel lacks the target of the named program.
    Without(&'static str),
    /// Only where the kernel may preempt a task inside a tracepoint's programs.
    Preemptible,
}

/// Hooks that are attached all together or not at all.
#[derive(Debug, PartialEq, Eq)]
pub struct HookSet {
    /// The hooks, in the order in which they are attached.
    pub hooks: &'static [Hook],
    /// Whether a trace by eBPF is possible without it.
    pub need: Need,
    /// The facts that only this set and the others with the same facts report, as `start.missing` names them.
    pub facts: &'static [&'static str],
    /// What the user can do where the set can't be attached.
    pub remedy: Remedy,
}

/// Whether a trace by eBPF is possible without a set of hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It is not, unless another required set is attached.
    Required,
    /// Only the facts of the set are missing.
    Optional,
    /// `rnetstat` uses the set, a trace doesn't.
    Rnetstat,
}

/// What the user can do where a set of hooks can't be attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Give the privileges that loading any program takes, or the kernel's BTF.
    Privileges,
    /// Mount tracefs.
    Tracefs,
    /// Let the process see kernel addresses in /proc/kallsyms.
    KernelAddresses,
    /// Use another kernel: which one.
    Kernel(&'static str),
}

impl Kind {
    /// The name that `start.hooks` and `doctor` show.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TpBtf => "tp_btf",
            Self::Fentry => "fentry",
            Self::Fexit => "fexit",
            Self::Tracepoint => "tracepoint",
            Self::OnRequest => "raw_tp",
            Self::Iter => "iter",
        }
    }

    const fn target_noun(self) -> &'static str {
        match self {
            Self::TpBtf | Self::Tracepoint => "tracepoint",
            Self::Fentry | Self::Fexit => "function",
            Self::OnRequest => "command",
            Self::Iter => "iterator",
        }
    }
}

impl Hook {
    /// The name that `start.hooks` and `doctor` show: the program's, or the iterator's.
    pub const fn name(&self) -> &'static str {
        match self.kind {
            Kind::Iter => self.target,
            _ => self.program,
        }
    }

    /// The BTF type that the program is attached to: whether it is a function, and its name. None for a kind that
    /// needs no BTF.
    pub fn btf_type(&self) -> Option<(bool, Cow<'static, str>)> {
        match self.kind {
            Kind::Fentry | Kind::Fexit => Some((true, self.target.into())),
            Kind::Iter => Some((true, format!("bpf_iter_{}", self.target).into())),
            Kind::TpBtf => Some((false, format!("btf_trace_{}", self.target).into())),
            Kind::Tracepoint | Kind::OnRequest => None,
        }
    }
}

impl HookSet {
    /// The hooks of the set to attach on a kernel that has the targets for which `has_target` answers true.
    ///
    /// # Errors
    /// The kernel lacks a target: the hook, and why in words.
    pub fn choose(
        &self,
        has_target: impl Fn(&Hook) -> bool,
        is_preemptible: bool,
    ) -> Result<Vec<&'static Hook>, (&'static Hook, String)> {
        let mut chosen = Vec::with_capacity(self.hooks.len());
        for hook in self.hooks {
            match hook.condition {
                Condition::Always if has_target(hook) => chosen.push(hook),
                Condition::Always => {
                    let in_its_place = |other: &&Hook| other.condition == Condition::Without(hook.program);
                    let mut others = self.hooks.iter().filter(in_its_place);
                    match others.clone().find(|other| has_target(other)) {
                        Some(other) => chosen.push(other),
                        None => {
                            let noun = hook.kind.target_noun();
                            let other =
                                others.next().map_or_else(String::new, |o| format!(" or {}", o.target));
                            return Err((hook, format!("this kernel has no {noun} {}{other}", hook.target)));
                        }
                    }
                }
                Condition::Preemptible if is_preemptible => chosen.push(hook),
                Condition::Preemptible | Condition::Without(_) => {}
            }
        }
        Ok(chosen)
    }
}
