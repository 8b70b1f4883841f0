//! The command line. The only place that knows clap.
//!
//! Data goes to standard output, everything else to standard error. Every kind of end has an
//! exit status of its own; `docs/cli.md` lists them.

mod bundle;
mod call;
mod calling;
mod check;
mod control;
mod dev;
mod exit_code;
mod failure;
mod given;
mod list;
mod metrics;
mod new;
mod outcome;
mod place;
mod plugin;
mod policy;
mod print;
mod problems;
mod rootfs;
mod run;
mod serve;
mod shell;
mod state;
mod stop;
mod types;

use clap::{Parser, Subcommand};

pub use exit_code::ExitCode;

/// Runs untrusted JavaScript plugins, each in a container of its own, under a SecurityPolicy file.
#[derive(Debug, Parser)]
#[command(name = "lazaret", version, max_term_width = 100, help_expected = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a plugin in a container and call one of its functions.
    Run(run::RunArguments),
    /// Keep plugins running, to be called and changed by the commands below until it is stopped.
    Serve(serve::ServeArguments),
    /// List the plugins of a `lazaret serve` with state and figures.
    List(list::ListArguments),
    /// Call a function of a plugin of a `lazaret serve`.
    Call(call::CallArguments),
    /// Show what a plugin of a `lazaret serve` measured.
    Metrics(metrics::MetricsArguments),
    /// Stop a plugin of a `lazaret serve`.
    Stop(stop::StopArguments),
    /// Show and delete what plugins keep.
    #[command(subcommand)]
    State(state::StateCommand),
    /// Make a new plugin: a project that runs as it is.
    New(new::NewArguments),
    /// Run a plugin, and again after each change of its files, until it is interrupted.
    Dev(dev::DevArguments),
    /// Print TypeScript declarations of exactly what a plugin may use.
    Types(types::TypesArguments),
    /// Check what plugins say of themselves.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Tell whether this host can run plugins: each feature, what it is for, what to do.
    Check(check::CheckArguments),
    /// Write a plugin's OCI bundle, for another container runtime to start.
    Bundle(bundle::BundleArguments),
    /// Check, show, explain and compare policies.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Build or verify the read-only root file system of the containers.
    #[command(subcommand)]
    Rootfs(rootfs::RootfsCommand),
}

/// Parses the command line of this process, carries it out, and tells how it ended.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() {
                ExitCode::Usage
            } else {
                ExitCode::Success
            };
            // Nobody is left to tell where the terminal is gone.
            drop(error.print());
            return code;
        }
    };
    if let Err(error) = crate::secrets::keep_out_of_dumps() {
        let text = format!("failed to keep this process out of core dumps: {error}");
        return failure::Failure::new(ExitCode::Internal, text).report();
    }
    let result = match cli.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Call(arguments) => call::run(&arguments),
        Command::Metrics(arguments) => metrics::run(&arguments),
        Command::Stop(arguments) => stop::run(&arguments),
        Command::State(command) => state::run(&command),
        Command::New(arguments) => new::run(&arguments),
        Command::Dev(arguments) => dev::run(arguments),
        Command::Types(arguments) => types::run(&arguments),
        Command::Plugin(command) => plugin::run(&command),
        Command::Check(arguments) => check::run(&arguments),
        Command::Bundle(arguments) => bundle::run(&arguments),
        Command::Policy(command) => policy::run(&command),
        Command::Rootfs(command) => rootfs::run(&command),
    };
    result.unwrap_or_else(|failure| failure.report())
}

/// What futures of a command run on.
fn runtime() -> Result<tokio::runtime::Runtime, failure::Failure> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().map_err(|error| {
        let text = format!("failed to start the runtime: {error}");
        failure::Failure::new(ExitCode::Internal, text)
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn every_argument_has_help() {
        super::Cli::command().debug_assert();
    }
}
