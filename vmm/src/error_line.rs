// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Errors as one line: the message and its causes, joined by colons.

use std::error::Error;

/// `error` and what caused it, outermost first, in one line.
#[must_use]
pub fn error_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    // File names may hold line ends.
    line.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open a\nb")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_follow_the_message_on_one_line() {
        let error = Outer(std::io::Error::other("no"));
        assert_eq!(error_line(&error), "cannot open a\\nb: no");
    }
}
