//! Whom a request names: a host by its name, and a port.

use lazaret_policy::{Host, Port};

use super::refusal::Refusal;

/// Reads `host:port`; `default` stands in where there is no port.
///
/// A host is a name. Whatever could be read as an address is refused, in every spelling: a policy
/// grants names, and which addresses they may lead to.
///
/// # Errors
/// [`Refusal`] with the reason.
pub fn read(text: &str, default: Option<Port>) -> Result<(Host, Port), Refusal> {
    let refuse = |reason: String| Refusal::nowhere(text, reason);
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => {
            let port = port.parse::<Port>();
            (host, port.map_err(|invalid| refuse(invalid.to_string()))?)
        }
        None => {
            let none = || refuse("the request names no port".to_owned());
            (text, default.ok_or_else(none)?)
        }
    };
    let name = host.to_ascii_lowercase().parse::<Host>();
    let name = name.map_err(|invalid| {
        let reason: String = invalid
            .to_string()
            .chars()
            .flat_map(char::escape_default)
            .collect();
        Refusal::nowhere(text, reason)
    })?;
    Ok((name, port))
}

#[cfg(test)]
mod tests;
