//! What a gateway is bound to for its life: who can reach its socket, and which settings are only
//! looked at when it starts.

use std::net::SocketAddr;

use backstop_settings::{Limits, Settings};

use crate::exit::UsageError;

/// Refuses settings that would let other machines in without a key. What counts is the address that
/// is bound, whatever the settings say it should be.
pub(crate) fn refuse_strangers(listen: SocketAddr, settings: &Settings) -> Result<(), UsageError> {
    if listen.ip().to_canonical().is_loopback() || !settings.keys.is_empty() {
        return Ok(());
    }
    let what = format!("other machines can reach {listen}, and no keys are set");
    let cure =
        "add `keys:` (`backstop keys` makes one), or start it with `--listen 127.0.0.1:8080`";
    Err(UsageError(format!("{what}: {cure}")))
}

/// The settings that differ and take effect at the next start only.
pub(crate) fn needs_restart(started: &Settings, now: &Settings) -> Vec<&'static str> {
    let (old, new) = (&started.limits, &now.limits);
    let differs = |of: fn(&Limits) -> u64| of(old) != of(new);
    [
        ("listen", started.listen != now.listen),
        ("console", started.console != now.console),
        ("store", started.store != now.store),
        ("tls", started.tls.is_some() != now.tls.is_some()),
        ("ca_file", started.ca_file != now.ca_file),
        ("limits.threads", differs(|it| it.threads.into())),
        ("limits.connections_max", differs(|it| it.connections_max.into())),
        ("limits.header_bytes_max", differs(|it| it.header_bytes_max.into())),
        ("limits.header_time_max", old.header_time_max != new.header_time_max),
        ("limits.journal_bytes_max", differs(|it| it.journal_bytes_max)),
        ("limits.journal_age_max", old.journal_age_max != new.journal_age_max),
        ("limits.journal_rate_max", differs(|it| it.journal_rate_max.into())),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use backstop_settings::Key;

    use super::*;

    fn with_key() -> Settings {
        let key = Key {
            name: "shop".into(),
            hash: [7; 32],
            app: None,
            requests_per_minute: None,
            passthrough: true,
        };
        Settings { keys: vec![key], ..Settings::default() }
    }

    #[test]
    fn other_machines_need_a_key_whatever_the_settings_call_the_address() {
        let keyless = Settings::default();
        for open in ["0.0.0.0:8080", "10.1.2.3:80", "[::]:8080", "[::ffff:10.0.0.1]:1"] {
            let open = open.parse().expect("an address");
            let refused = refuse_strangers(open, &keyless).expect_err("no key");
            assert!(refused.to_string().contains("keys"), "{refused}");
            assert!(refuse_strangers(open, &with_key()).is_ok());
        }
        for own in ["127.0.0.1:0", "[::1]:8080", "[::ffff:127.0.0.1]:1"] {
            assert!(refuse_strangers(own.parse().expect("an address"), &keyless).is_ok());
        }
    }

    #[test]
    fn names_what_only_a_restart_changes() {
        let before = Settings::default();
        assert!(needs_restart(&before, &with_key()).is_empty());
        let mut after = with_key();
        after.console = None;
        after.store = Some("elsewhere.db".to_owned());
        after.limits.threads = 3;
        assert_eq!(needs_restart(&before, &after), ["console", "store", "limits.threads"]);
    }
}
