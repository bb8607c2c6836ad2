//! `--user`: a user by name or number.

use nix::unistd::User;

/// Parses a user id, or a user name of this host.
pub(crate) fn parse(text: &str) -> Result<u32, String> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    match User::from_name(text) {
        Ok(Some(user)) => Ok(user.uid.as_raw()),
        Ok(None) => Err(format!("there is no user {text:?} here: say another name, or a number like 1000")),
        Err(error) => Err(format!("the user {text:?} can't be looked up ({error}): say the user's number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_read_by_number_and_by_name() {
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(parse("4294967294"), Ok(4_294_967_294));
        assert_eq!(parse("root"), Ok(0));
    }

    #[test]
    fn an_unknown_user_is_named_in_the_error() {
        for text in ["no-such-user", "", "-1", "4294967296", "ro\0ot"] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(&format!("user {text:?}")), "{error}");
            assert!(!error.contains('\n'));
        }
    }
}
