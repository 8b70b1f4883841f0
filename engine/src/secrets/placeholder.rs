use lazaret_policy::SecretName;
use ring::rand::{SecureRandom, SystemRandom};

/// Random bytes of a placeholder.
const RANDOM_BYTES: usize = 16;

/// What stands for a secret of this name, made anew at each call. It has letters, digits, `_`, `.` and `-` only, so that
/// it is the same in a header field, a URL and a form.
///
/// # Errors
/// The kernel gives no random numbers.
pub(super) fn placeholder(name: &SecretName) -> std::io::Result<String> {
    let mut random = [0; RANDOM_BYTES];
    let filled = SystemRandom::new().fill(&mut random);
    filled.map_err(|_| std::io::Error::other("there are no random numbers"))?;
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("lazaret-secret-{name}-{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_has_the_name_in_it_and_is_never_the_same() {
        let name: SecretName = "api.key".parse().unwrap();
        let (one, other) = (placeholder(&name).unwrap(), placeholder(&name).unwrap());
        assert_ne!(one, other);
        let digits = one.strip_prefix("lazaret-secret-api.key-").unwrap();
        assert_eq!(digits.len(), 32);
        assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
