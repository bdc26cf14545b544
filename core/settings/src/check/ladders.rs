pub(super) fn check(
    _settings: &crate::Settings,
    _route: &crate::Route,
    _catalogue: &backstop_catalogue::Catalogue,
    _findings: &mut Vec<crate::Finding>,
) {
}
