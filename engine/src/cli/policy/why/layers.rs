//! What an act has to pass, from the plugin outwards.

use lazaret_policy::{EffectivePolicy, Permission};

/// The layers of an act that takes this permission: where it is granted they hold it to the grant, where it is not they
/// refuse it.
pub(super) fn of(permission: &Permission, policy: &EffectivePolicy) -> Vec<String> {
    let layers: &[&str] = match permission {
        Permission::FileRead(_) => &[
            "the op asks for the permission",
            "Landlock, where the kernel has it",
            "what is not granted is not mounted in the container, what is granted is mounted read-only",
            "the plugin's host user has only the rights that everybody has",
        ],
        Permission::FileWrite(_) => &[
            "the op asks for the permission",
            "the engine does the writing, asks the policy again and counts the bytes",
            "the second filter and Landlock leave the container's process nothing to write but `/tmp`",
            "every mount but `/tmp` is read-only",
        ],
        Permission::NetworkRead(_) | Permission::NetworkConnect(..) if policy.has_network() => &[
            "`fetch` asks for the permission",
            "the egress broker asks the policy again, and judges each address the name leads to",
            "the filters leave no socket but the one to the broker",
            "the network namespace is empty",
        ],
        Permission::NetworkRead(_) | Permission::NetworkConnect(..) => &[
            "`fetch` asks for the permission",
            "the egress broker has no socket for this plugin",
            "the filters refuse sockets",
            "the network namespace is empty",
        ],
        Permission::ExecRun(_) => &[
            "the op asks for the permission",
            "the engine asks the policy again, and has the program run in a container of its own",
            "the second filter ends the plugin's process at `execve`",
            "there is no program in the root file system but the shim",
        ],
        Permission::EnvRead(_) => &[
            "the container is told the variables that are granted, when it starts",
            "its environment holds nothing else of the host's",
        ],
        Permission::Window(..) => &[
            "`lazaret.window` does not exist where no permission is about windows",
            "the engine asks the policy again, of the class of the window",
            "the display's socket and key are not mounted in the container, and the network namespace is empty",
        ],
        Permission::MessageSend(_) => &[
            "there is no op that sends",
            "the only channel leads to the engine",
        ],
    };
    layers.iter().map(|layer| (*layer).to_owned()).collect()
}
