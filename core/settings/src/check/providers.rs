pub(super) fn check(_settings: &crate::Settings, _findings: &mut Vec<crate::Finding>) {}
