//! What the programs decide, asked of the programs themselves: most of these calls must not be made
//! for real where no first filter refuses them.

use std::collections::BTreeSet;

use seccompiler::sock_filter;

use super::*;

// What a filter may answer (seccomp(2)), strictest first.
const KILL_PROCESS: u32 = 0x8000_0000;
const EPERM: u32 = 0x0005_0000 | libc::EPERM as u32;
const ALLOW: u32 = 0x7fff_0000;

/// `AUDIT_ARCH_X86_64` (linux/audit.h).
const X86_64: u32 = 0xc000_003e;

/// Numbers of this architecture's table end well below.
const ALL_NUMBERS: std::ops::Range<c_long> = 0..1024;

/// Runs a filter program on a system call, as the kernel would: `struct seccomp_data` is number,
/// architecture, instruction pointer and six arguments.
fn run(program: &[sock_filter], number: c_long, arguments: [u64; 6]) -> u32 {
    let mut data = Vec::new();
    data.extend(u32::try_from(number).expect("number").to_ne_bytes());
    data.extend(X86_64.to_ne_bytes());
    data.extend(0_u64.to_ne_bytes());
    data.extend(arguments.into_iter().flat_map(u64::to_ne_bytes));
    let (mut accumulator, mut at) = (0_u32, 0);
    loop {
        let step = &program[at];
        at += 1;
        let jump = |taken| usize::from(if taken { step.jt } else { step.jf });
        match u32::from(step.code) {
            code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                let offset = step.k as usize;
                let word = data[offset..offset + 4].try_into().expect("a word");
                accumulator = u32::from_ne_bytes(word);
            }
            code if code == libc::BPF_ALU | libc::BPF_AND | libc::BPF_K => accumulator &= step.k,
            code if code == libc::BPF_JMP | libc::BPF_JA => at += step.k as usize,
            code if code == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K => {
                at += jump(accumulator == step.k);
            }
            code if code == libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K => {
                at += jump(accumulator > step.k);
            }
            code if code == libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K => {
                at += jump(accumulator >= step.k);
            }
            code if code == libc::BPF_RET | libc::BPF_K => return step.k,
            code => panic!("instruction {code:#x}"),
        }
    }
}

/// What both programs together decide.
fn decision(deny_executable_memory: bool, number: c_long, arguments: [u64; 6]) -> u32 {
    let needs = Needs {
        executable_memory: !deny_executable_memory,
        egress: false,
    };
    decision_with(needs, number, arguments)
}

fn decision_with(needs: Needs, number: c_long, arguments: [u64; 6]) -> u32 {
    let answers = programs(needs)
        .expect("programs")
        .map(|program| run(&program, number, arguments));
    [KILL_PROCESS, EPERM, ALLOW]
        .into_iter()
        .find(|action| answers.contains(action))
        .unwrap_or_else(|| panic!("{answers:?}"))
}

/// With arguments that are all zero.
fn plain_decision(number: c_long) -> u32 {
    decision(true, number, [0; 6])
}

#[test]
fn what_the_first_filter_reports_is_not_hidden_from_it() {
    for (name, number) in REPORTED {
        for arguments in [[0; 6], [u64::MAX; 6]] {
            assert_eq!(decision(true, *number, arguments), ALLOW, "{name}");
        }
    }
}

#[test]
fn nothing_but_the_lists_is_allowed() {
    for (executable_memory, egress) in [(false, false), (true, false), (false, true)] {
        let needs = Needs {
            executable_memory,
            egress,
        };
        let listed: BTreeSet<_> = allowed_system_calls(needs).into_iter().collect();
        for number in ALL_NUMBERS {
            let allowed = decision_with(needs, number, [0; 6]) == ALLOW;
            assert!(listed.contains(&number) || !allowed, "{number}");
        }
    }
}

#[test]
fn a_plugin_with_egress_is_left_two_calls_more() {
    let egress = Needs {
        egress: true,
        ..Needs::default()
    };
    let without: BTreeSet<_> = allowed_system_calls(Needs::default()).into_iter().collect();
    let with: BTreeSet<_> = allowed_system_calls(egress).into_iter().collect();
    let more: Vec<_> = with.difference(&without).copied().collect();
    assert_eq!(more, [libc::SYS_shutdown, libc::SYS_getsockopt]);
    let asks = |needs, level: i32, option: i32| {
        let [level, option] = [level, option].map(|value| value.cast_unsigned().into());
        decision_with(needs, libc::SYS_getsockopt, [9, level, option, 0, 0, 0])
    };
    assert_eq!(asks(egress, libc::SOL_SOCKET, libc::SO_ERROR), ALLOW);
    assert_eq!(asks(egress, libc::SOL_SOCKET, libc::SO_PEERCRED), EPERM);
    assert_eq!(asks(egress, libc::SOL_TCP, libc::SO_ERROR), EPERM);
    assert_eq!(
        asks(Needs::default(), libc::SOL_SOCKET, libc::SO_ERROR),
        EPERM
    );
    assert_eq!(plain_decision(libc::SYS_shutdown), EPERM);
}

#[test]
fn a_new_thread_is_refused_and_every_other_clone_reaches_the_first_filter() {
    assert_eq!(NEW_THREAD, 0x003d_0f00);
    let clone = |flags| decision(true, libc::SYS_clone, [flags, 0, 0, 0, 0, 0]);
    assert_eq!(clone(NEW_THREAD), EPERM);
    for flags in [
        0,
        libc::SIGCHLD as u64,
        NEW_THREAD | libc::CLONE_NEWUSER as u64,
        NEW_THREAD & !(libc::CLONE_THREAD as u64),
        NEW_THREAD | 1 << 32,
    ] {
        assert_eq!(clone(flags), ALLOW, "{flags:#x}");
    }
    assert_eq!(plain_decision(libc::SYS_clone3), EPERM);
}

#[test]
fn execve_ends_the_process() {
    assert_eq!(plain_decision(libc::SYS_execve), KILL_PROCESS);
}

#[test]
fn nothing_that_reaches_out_unreported_is_allowed() {
    for number in [
        libc::SYS_socketpair,
        libc::SYS_accept4,
        libc::SYS_prctl,
        libc::SYS_seccomp,
        libc::SYS_open,
        libc::SYS_creat,
        libc::SYS_pwrite64,
        libc::SYS_unlinkat,
        libc::SYS_ioctl,
        libc::SYS_kill,
        libc::SYS_dup,
    ] {
        assert_eq!(plain_decision(number), EPERM, "system call {number}");
    }
}

#[test]
fn executable_memory_is_refused_where_it_is_to_be() {
    let code = (libc::PROT_READ | libc::PROT_EXEC).cast_unsigned().into();
    let data = (libc::PROT_READ | libc::PROT_WRITE).cast_unsigned().into();
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        let with = |deny, protection| decision(deny, call, [0, 4096, protection, 0, 0, 0]);
        assert_eq!(with(true, code), EPERM);
        assert_eq!(with(true, data), ALLOW);
        assert_eq!(with(false, code), ALLOW);
    }
    assert_eq!(plain_decision(libc::SYS_pkey_mprotect), EPERM);
}

#[test]
fn files_are_opened_for_reading_and_only_this_process_is_signalled() {
    let open = |flags: i32| {
        let flags = flags.cast_unsigned().into();
        decision(true, libc::SYS_openat, [0, 0, flags, 0, 0, 0])
    };
    assert_eq!(open(libc::O_RDONLY | libc::O_CLOEXEC), ALLOW);
    for flags in [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC] {
        assert_eq!(open(flags), EPERM, "{flags:#x}");
    }
    let signal = |process| decision(true, libc::SYS_tgkill, [process, 1, 6, 0, 0, 0]);
    assert_eq!(signal(std::process::id().into()), ALLOW);
    assert_eq!(signal(1), EPERM);
}
