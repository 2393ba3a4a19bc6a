//! How many files this process may hold open; every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit to what the system allows at most, and says what holds from now on; `None` is no limit.
pub(crate) fn raise_limit() -> Option<u64> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // A refusal leaves the limit that was there, which is what the next line answers.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_goes() {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let lower = maximum.map_or(1000, |maximum| maximum / 2);
        setrlimit(Resource::Nofile, Rlimit { current: Some(lower), maximum }).unwrap();

        assert_eq!(raise_limit(), maximum);
    }
}
