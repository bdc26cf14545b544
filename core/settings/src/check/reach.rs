pub(super) fn check(
    _settings: &crate::Settings,
    _route: &crate::Route,
    _findings: &mut Vec<crate::Finding>,
) {
}
